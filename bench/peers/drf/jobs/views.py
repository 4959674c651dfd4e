"""The Ingest API."""

from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.models import Process
from jobs.permissions import HasAccountKey
from jobs.serializers import ReportSerializer, receipt
from jobs.throttles import KeyThrottle


class ReportView(APIView):
    """`POST /api/v1/ingest/report`."""

    permission_classes = (HasAccountKey,)
    throttle_classes = (KeyThrottle,)

    def post(self, request: Request) -> Response:
        """Take in a whole job."""
        report = ReportSerializer(data=request.data)
        report.is_valid(raise_exception=True)
        key = request.account_key
        flow_id = report.validated_data.pop("flow_id")
        process = get_object_or_404(Process, account_id=key.account_id, flow_id=flow_id, retired_at=None)
        job = report.save(account_id=key.account_id, key=key, process=process)
        return Response(receipt(job), status=201)
