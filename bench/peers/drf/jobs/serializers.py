"""What goes in and out: the same fields and rules as RPA Watch's domain/report.py."""

import json
from collections import Counter
from datetime import UTC, datetime

from django.utils import timezone
from rest_framework import serializers

from jobs.models import Detail, DetailStatus, Job, JobStatus

_TIME_MIN = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_MAX = datetime(2200, 1, 1, tzinfo=UTC)
_DATA_BYTES_MAX = 64 * 1024
_DETAILS_MAX = 50_000
_optional = {"required": False, "allow_null": True}
_optional_text = _optional | {"allow_blank": True, "trim_whitespace": False}


class StrictSerializer(serializers.Serializer):
    """Refuses fields that it does not know."""

    def to_internal_value(self, data: dict) -> dict:
        """Return the validated values."""
        if isinstance(data, dict) and (unknown := data.keys() - self.fields.keys()):
            raise serializers.ValidationError(dict.fromkeys(unknown, "unknown field"))
        return super().to_internal_value(data)


class LowerChoiceField(serializers.ChoiceField):
    """A choice in whatever case."""

    def to_internal_value(self, data: object) -> str:
        """Return the choice in lower case."""
        return super().to_internal_value(data.lower() if isinstance(data, str) else data)


def _in_range(time: datetime) -> None:
    if not _TIME_MIN <= time < _TIME_MAX:
        raise serializers.ValidationError("time out of range")


class DetailSerializer(StrictSerializer):
    """One record."""

    sequence_no = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    status = LowerChoiceField(DetailStatus.choices)
    record_id = serializers.CharField(max_length=200, **_optional_text)
    record_name = serializers.CharField(max_length=200, **_optional_text)
    result = serializers.CharField(max_length=10_000, **_optional_text)
    error_message = serializers.CharField(max_length=10_000, **_optional_text)


class ReportSerializer(StrictSerializer):
    """A whole job in one request."""

    flow_id = serializers.UUIDField()
    robot_id = serializers.CharField(max_length=200, trim_whitespace=False)
    started_at = serializers.DateTimeField(validators=[_in_range])
    finished_at = serializers.DateTimeField(validators=[_in_range], **_optional)
    status = serializers.ChoiceField(JobStatus.choices, **_optional)
    target = serializers.CharField(max_length=200, **_optional_text)
    source = serializers.CharField(max_length=200, **_optional_text)
    result_summary = serializers.CharField(max_length=2000, **_optional_text)
    error_message = serializers.CharField(max_length=10_000, **_optional_text)
    external_id = serializers.CharField(max_length=200, **_optional_text)
    tags = serializers.ListField(child=serializers.CharField(max_length=50), max_length=20, **_optional)
    data = serializers.DictField(**_optional)
    details = DetailSerializer(many=True, max_length=_DETAILS_MAX, **_optional)

    def validate_data(self, data: dict | None) -> dict | None:
        """Check the size."""
        if data is not None and len(json.dumps(data, separators=(",", ":")).encode()) > _DATA_BYTES_MAX:
            raise serializers.ValidationError("data too large")
        return data

    def validate_details(self, details: list[dict] | None) -> list[dict] | None:
        """Check that no number is repeated."""
        if details is not None and len({detail["sequence_no"] for detail in details}) != len(details):
            raise serializers.ValidationError("sequence_no repeated")
        return details

    def validate(self, attrs: dict) -> dict:
        """Check that the job did not end before it began."""
        if attrs.get("finished_at") is not None and attrs["finished_at"] < attrs["started_at"]:
            raise serializers.ValidationError({"finished_at": "finished before started"})
        return attrs

    def create(self, validated_data: dict) -> Job:
        """Store the job and its details; the request's transaction holds both."""
        details = validated_data.pop("details", None) or []
        counts = Counter(detail["status"] for detail in details)
        now = timezone.now()
        job = Job.objects.create(
            **validated_data
            | {
                "received_at": now,
                "finished_at": validated_data.get("finished_at") or max(now, validated_data["started_at"]),
                "status": validated_data.get("status") or _status(counts, validated_data.get("error_message")),
                "total": len(details),
                "success": counts[DetailStatus.SUCCESS],
                "failed": counts[DetailStatus.FAILED],
                "skipped": counts[DetailStatus.SKIPPED],
            }
        )
        Detail.objects.bulk_create([Detail(job=job, **detail) for detail in details])
        return job


def _status(counts: Counter, error_message: str | None) -> str:
    if not counts:
        return JobStatus.FAILED if error_message else JobStatus.SUCCESS
    if not counts[DetailStatus.FAILED]:
        return JobStatus.SUCCESS
    return JobStatus.PARTIAL_SUCCESS if counts[DetailStatus.SUCCESS] else JobStatus.FAILED


def receipt(job: Job) -> dict:
    """Return the answer that RPA Watch gives."""
    return {
        "job_id": job.id,
        "account_id": job.account_id,
        "flow_id": job.process.flow_id,
        "status": job.status,
        "counts": {"total": job.total, "success": job.success, "failed": job.failed, "skipped": job.skipped},
        "duration_seconds": (job.finished_at - job.started_at).total_seconds(),
        "received_at": job.received_at,
    }
