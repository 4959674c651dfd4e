"""`manage.py createkeys COUNT FLOW_ID`: an account with a process and keys, which are printed as JSON."""

import argparse
import json
import uuid

from django.core.management.base import BaseCommand
from django.db import transaction

from jobs.models import Account, AccountKey, Process


class Command(BaseCommand):
    """Make the keys."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("count", type=int)
        parser.add_argument("flow_id", type=uuid.UUID)

    def handle(self, *, count: int, flow_id: uuid.UUID, **_: object) -> None:
        """Carry it out."""
        with transaction.atomic():
            account = Account.objects.create(name="Bench")
            Process.objects.create(account=account, flow_id=flow_id, name="Bench")
            keys = [AccountKey.objects.create_key(account=account, name=f"Key {n}")[1] for n in range(count)]
        self.stdout.write(json.dumps(keys))
