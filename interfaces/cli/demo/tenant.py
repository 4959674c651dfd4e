"""The made-up tenant of `rpawatch demo`, in tables: accounts, processes, people, keys. Nobody in it exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.limits import RATE_LIMIT_DEFAULT
from domain.permissions import Role

FINANCE: Final = "Finance"
PEOPLE: Final = "Human Resources"
SERVICE: Final = "Customer Service"
ACCOUNTS: Final = (FINANCE, PEOPLE, SERVICE)
WITHOUT_ADDRESSES: Final = PEOPLE
"""This account does not keep the addresses of clients."""

SAP: Final = "SAP S/4HANA"
BOUGHT_BY_FAX: Final = "Fax order intake"
"""This process is retired on the way."""


@dataclass(frozen=True, slots=True)
class DemoProcess:
    """A process. share: of all jobs. hours: in UTC, from and to when its jobs begin. records: at most, as a rule.

    seconds: per record. does: what a summary says of the records; result: of one. mishaps: of a whole job; snags: of
    one record.
    """

    account: str
    name: str
    share: float
    hours: tuple[float, float]
    robots: tuple[str, ...]
    source: str
    target: str
    records: int
    seconds: float
    prefix: str
    named_after: str
    does: str
    result: str
    mishaps: tuple[str, ...]
    snags: tuple[str, ...]
    tags: tuple[str, ...] = ()
    weekends: bool = False


_SAP_MISHAPS = (
    "SAP GUI did not start within 60 s",
    "Sign-in to SAP failed: the password of RPA_SVC_01 has expired",
    "Session ended by the server: RFC_ERROR_COMMUNICATION",
)
_BROWSER_MISHAPS = (
    "Element not found: button 'Next' (timeout 30 s)",
    "The browser closed unexpectedly (exit code 139)",
    "HTTP 502 from the portal, three times in a row",
)

PROCESSES: Final = (
    DemoProcess(
        FINANCE, "Invoice entry into SAP", 0.26, (6.0, 16.5), ("RPA-FIN-01", "RPA-FIN-02", "RPA-FIN-03"),
        "Mailbox invoices@example.com", SAP, 16, 22, "INV", "supplier", "invoices entered", "Posted as document 51{}",
        _SAP_MISHAPS,
        ("Supplier is blocked for posting", "Net amount and VAT do not add up", "No purchase order with this number"),
        ("invoices",),
    ),
    DemoProcess(
        FINANCE, "Bank statement import", 0.06, (5.6, 7.5), ("RPA-FIN-04",),
        "EBICS, 3 banks", SAP, 45, 4, "STM", "supplier", "statement lines assigned", "Cleared with item 19{}",
        (*_SAP_MISHAPS, "The bank's server refused the certificate (EBICS_AUTHENTICATION_FAILED)"),
        ("No open item for this amount", "Reference has two possible customers"),
        ("bank", "daily"), weekends=True,
    ),
    DemoProcess(
        FINANCE, "Payment reminders", 0.05, (7.0, 9.0), ("RPA-FIN-04",),
        SAP, "Outlook", 25, 7, "REM", "customer", "reminders sent", "Sent, reference 70{}",
        ("Outlook: the mailbox is full", *_SAP_MISHAPS),
        ("No email address on file", "Customer is in a legal dispute: left out"),
    ),
    DemoProcess(
        FINANCE, "Travel expense check", 0.10, (8.0, 16.0), ("RPA-FIN-02", "RPA-FIN-03"),
        "Concur", SAP, 9, 35, "TRV", "employee", "expense reports checked", "Approved, document 33{}",
        _BROWSER_MISHAPS,
        ("Receipt can't be read", "Hotel is over the limit of the travel policy"),
    ),
    DemoProcess(
        PEOPLE, "HR onboarding", 0.05, (7.0, 15.0), ("RPA-HR-01",),
        "Workday", "Active Directory", 5, 95, "EMP", "employee", "people set up", "Account made, ticket HD-{}",
        ("LDAP: the server is not available", *_BROWSER_MISHAPS),
        ("No cost centre given", "A user with this name exists already"),
        ("joiners",),
    ),
    DemoProcess(
        PEOPLE, "Payroll data check", 0.08, (6.5, 12.0), ("RPA-HR-01", "RPA-HR-02"),
        "Workday", "DATEV", 20, 12, "PAY", "employee", "records checked", "No difference, run {}",
        _BROWSER_MISHAPS,
        ("Tax class differs between the systems", "Bank account has the wrong length"),
        ("payroll",),
    ),
    DemoProcess(
        PEOPLE, "Time sheet reminders", 0.06, (12.0, 14.0), ("RPA-HR-02",),
        "ATOSS", "Teams", 18, 3, "TSH", "employee", "people reminded", "Message {} sent",
        ("Teams: too many requests (429)", "ATOSS export was empty"),
        ("On leave: left out", "Not known in Teams"),
    ),
    DemoProcess(
        SERVICE, "Order status mails", 0.20, (6.0, 18.0), ("RPA-CS-01", "RPA-CS-02"),
        "Shopware", "Outlook", 12, 9, "ORD", "customer", "customers informed", "Mail {} sent",
        ("Shopware API: 503 Service Unavailable", "Outlook: the mailbox is full"),
        ("Order was cancelled meanwhile", "Mail address bounces"),
        ("orders",), weekends=True,
    ),
    DemoProcess(
        SERVICE, "Address changes in the CRM", 0.09, (7.0, 16.0), ("RPA-CS-02", "RPA-CS-03"),
        "Web form", "Salesforce", 6, 28, "ADR", "customer", "addresses changed", "Case 50{} closed",
        _BROWSER_MISHAPS,
        ("Postcode and town do not match", "Two customers with this number"),
    ),
    DemoProcess(
        SERVICE, BOUGHT_BY_FAX, 0.05, (7.0, 15.0), ("RPA-CS-03",),
        "Fax server", SAP, 4, 60, "FAX", "customer", "orders entered", "Order 88{}",
        ("OCR: the licence has expired", *_SAP_MISHAPS),
        ("Page 2 is missing", "Handwriting can't be read"),
        ("fax",),
    ),
)  # fmt: skip
"""The demo's processes, with several fields a line: one line a field would be four pages."""


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody with a role. account: None for the whole tenant. processes: the names of those that they are to see."""

    email: str
    name: str
    role: Role
    account: str | None = None
    processes: tuple[str, ...] = ()


ADMINS: Final = {
    FINANCE: DemoPerson("anna.lindqvist@example.com", "Anna Lindqvist", Role.ACCOUNT_ADMIN, FINANCE),
    PEOPLE: DemoPerson("mehmet.demir@example.com", "Mehmet Demir", Role.ACCOUNT_ADMIN, PEOPLE),
    SERVICE: DemoPerson("chiara.bianchi@example.com", "Chiara Bianchi", Role.ACCOUNT_ADMIN, SERVICE),
}
"""The administrators of the accounts, who make their processes, members and keys."""
OTHERS: Final = (
    DemoPerson("ines.carvalho@example.com", "Inês Carvalho", Role.AUDITOR),
    DemoPerson(
        "tom.okafor@example.com",
        "Tom Okafor",
        Role.CONSULTANT,
        processes=("Invoice entry into SAP", "HR onboarding"),
    ),
    DemoPerson("jonas.weber@example.com", "Jonas Weber", Role.ACCOUNT_USER, FINANCE, ("Invoice entry into SAP",)),
    DemoPerson("priya.nair@example.com", "Priya Nair", Role.ACCOUNT_USER, PEOPLE, ("Payroll data check",)),
    DemoPerson(
        "lea.dubois@example.com",
        "Léa Dubois",
        Role.ACCOUNT_USER,
        SERVICE,
        ("Order status mails", "Address changes in the CRM"),
    ),
)


@dataclass(frozen=True, slots=True)
class DemoKey:
    """A key. made, ended, expires: as parts of the demo's time, from 0 to 1; later than 1 is still to come.

    A job goes with the first key of the table that fits it. used: False for one that nobody uses.
    """

    account: str
    name: str
    process: str | None = None
    made: float = 0.0
    ended: float | None = None
    reason: str | None = None
    expires: float | None = None
    limit: int = RATE_LIMIT_DEFAULT
    used: bool = True


TRIAL: Final = DemoKey(SERVICE, "To try things out", used=False)
KEYS: Final = (
    DemoKey(FINANCE, "Bank statements", process="Bank statement import", limit=10),
    DemoKey(
        FINANCE,
        "SAP robots, old server",
        ended=0.6,
        reason="The robot server was replaced, and its disks were given away.",
    ),
    DemoKey(FINANCE, "SAP robots", made=0.58),
    DemoKey(PEOPLE, "Contractor, payroll project", process="Payroll data check", made=0.1, expires=0.5),
    DemoKey(PEOPLE, "HR robots"),
    DemoKey(SERVICE, "Order mails", process="Order status mails", expires=1.15),
    DemoKey(SERVICE, "Service robots", limit=120),
    TRIAL,
)
RETIRED_AT: Final = 0.8
"""When the process BOUGHT_BY_FAX is retired, as a part of the demo's time."""
OUTAGE: Final = (0.42, 0.14)
"""When SAP was down, as a part of the demo's time; and for how many days."""
