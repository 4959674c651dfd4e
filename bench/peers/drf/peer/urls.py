"""The one route that the benchmark asks for."""

from django.urls import path
from jobs.views import ReportView

urlpatterns = [path("api/v1/ingest/report", ReportView.as_view())]
