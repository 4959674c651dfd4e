"""The tables."""

import uuid

from django.db import models
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager


class Account(models.Model):
    """An isolated workspace."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class AccountKeyManager(BaseAPIKeyManager):
    """Finds keys, as the package does."""


class AccountKey(AbstractAPIKey):
    """A credential of one account; the package keeps a hash of it."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="keys")
    objects = AccountKeyManager()


class Process(models.Model):
    """An automated process of an account."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="processes")
    flow_id = models.UUIDField()
    name = models.CharField(max_length=200)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        """Django's."""

        constraints = [models.UniqueConstraint(fields=["account", "flow_id"], name="process_of_account")]

    def __str__(self) -> str:
        return self.name


class JobStatus(models.TextChoices):
    """How a job ended."""

    SUCCESS = "success"
    FAILED = "failed"
    PARTIAL_SUCCESS = "partial_success"
    CANCELLED = "cancelled"


class DetailStatus(models.TextChoices):
    """How it went with one record."""

    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"


class Job(models.Model):
    """One execution of a process, as a robot reported it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    process = models.ForeignKey(Process, on_delete=models.PROTECT)
    key = models.ForeignKey(AccountKey, on_delete=models.PROTECT)
    robot_id = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    received_at = models.DateTimeField()
    status = models.CharField(max_length=20, choices=JobStatus)
    target = models.CharField(max_length=200, null=True)
    source = models.CharField(max_length=200, null=True)
    result_summary = models.CharField(max_length=2000, null=True)
    error_message = models.TextField(null=True)
    external_id = models.CharField(max_length=200, null=True)
    tags = models.JSONField(null=True)
    data = models.JSONField(null=True)
    total = models.IntegerField()
    success = models.IntegerField()
    failed = models.IntegerField()
    skipped = models.IntegerField()

    def __str__(self) -> str:
        return str(self.id)


class Detail(models.Model):
    """One record that a job worked on."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="details")
    sequence_no = models.IntegerField()
    status = models.CharField(max_length=10, choices=DetailStatus)
    record_id = models.CharField(max_length=200, null=True)
    record_name = models.CharField(max_length=200, null=True)
    result = models.TextField(null=True)
    error_message = models.TextField(null=True)

    class Meta:
        """Django's."""

        constraints = [models.UniqueConstraint(fields=["job", "sequence_no"], name="sequence_no_of_job")]

    def __str__(self) -> str:
        return f"{self.job_id} {self.sequence_no}"
