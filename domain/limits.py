"""Every limit of the domain and of the wire in one place, with its unit in its name.

The table in docs/limits.md is written from this module, and each limit is tested at n and at n + 1.
"""

from datetime import UTC, datetime, timedelta

# Keys
RATE_LIMIT_DEFAULT = 60
"""Uses in any 60 seconds that a key gets when nothing else is asked for."""
RATE_LIMIT_MIN = 1
RATE_LIMIT_MAX = 10_000
"""A key's window keeps the time of each use in it: 10,000 times are some 170 KB of a snapshot, and 80 KB in memory."""
RATE_WINDOW = timedelta(seconds=60)
KEY_EXPIRY_NOTICE = timedelta(days=7)
"""Time before its end for which a key is shown as expiring."""
ROTATION_OVERLAP_DEFAULT = timedelta(days=1)
ROTATION_OVERLAP_MAX = timedelta(days=7)
"""Longest time that a key may live on beside the one that takes its place."""
KEY_UNUSED_NOTICE = timedelta(days=90)
"""Time without a use after which `rpawatch keys hygiene` takes a key for one that nobody needs."""
KEY_REFUSED_NOTICE = timedelta(days=30)
"""Time after it was last presented for which it names a key that has ended."""
REFUSALS_NOTED_EVERY = timedelta(hours=1)
"""Shortest time between two records of how often a key that has ended is still presented, in each web process."""
CLOCKS_APART_MAX = timedelta(seconds=5)
"""Most that a reading may be before the event before it, where all clocks are right: readings may be a second ahead
of the database's clock and three behind it (application/store/clock.py). Beyond that, a clock was wrong."""
NAME_CHARS_MAX = 200
REASON_CHARS_MAX = 500

# Reports
ROBOT_ID_CHARS_MAX = 200
LABEL_CHARS_MAX = 200
"""target, source, external_id, record_id, record_name."""
SUMMARY_CHARS_MAX = 2_000
TEXT_CHARS_MAX = 10_000
"""error_message of a job; result and error_message of a detail."""
TAGS_MAX = 20
TAG_CHARS_MAX = 50
DATA_BYTES_MAX = 64 * 1024
"""`data` as compact JSON in UTF-8."""
DETAILS_MAX = 50_000
SEQUENCE_NO_MAX = 2**31 - 1
TIME_MIN = datetime(1970, 1, 1, tzinfo=UTC)
TIME_MAX = datetime(2200, 1, 1, tzinfo=UTC)
"""Times outside can't be turned into another zone or stored everywhere; no job ran then."""

# Requests
BODY_BYTES_MAX_DEFAULT = 10 * 1024 * 1024
"""Largest report, also after inflating."""
REPORT_VALUES_MAX = 500_000
"""JSON values in a report: the largest one has 50,000 details of seven values each, and 32,769 in its `data`."""
SMALL_BODY_BYTES_MAX = 64 * 1024
"""Largest body of every other request: what people and their scripts send is some hundred bytes."""
SMALL_BODY_VALUES_MAX = 2_000
"""Most JSON values in such a body."""
JSON_DEPTH_MAX = 100
NUMBER_DIGITS_MAX = 4_300
"""Most digits of a whole number in JSON: as many as Python reads. Decimals may have more."""
ERRORS_LISTED_MAX = 100
"""Validation errors that one answer lists; no more are looked for."""
IDEMPOTENCY_KEY_CHARS_MAX = 255
REQUEST_ID_CHARS_MAX = 64
BAD_KEYS_PER_MINUTE_MAX = 30
"""Refused keys that one address may present in a minute before it is told to slow down."""
POSITION_MAX = 10**18
"""Largest position in the log, version of a stream and size of the tree in a request: more than will ever be, and a
number that JSON Schema can say exactly."""
PAGE_ITEMS_DEFAULT = 50
PAGE_ITEMS_MAX = 200
SEARCH_CHARS_MAX = 200
"""`q` of a list: as long as the longest id."""
FILTER_VALUES_MAX = 20
"""Times that one filter of a list may be given: any of them is meant."""
UNUSED_DAYS_MAX = 36_500
"""A century: what is not used for longer is older than the service."""

# People
EMAIL_CHARS_MAX = 254
PASSWORD_CHARS_MIN = 15
PASSWORD_CHARS_MAX = 128
FIRST_PASSWORD_LIFETIME = timedelta(days=7)
"""Lifetime of a password that was made here: it works once, and opens nothing but its own change."""
SESSION_LIFETIME = timedelta(hours=12)
SESSION_IDLE_MAX = timedelta(hours=1)
"""A session that is not used for so long ends (NIST SP 800-63B-4, 2.2.3: an hour, and a day altogether)."""
RESTRICTED_SESSION_LIFETIME = timedelta(minutes=30)
"""Lifetime of a session that a first password began."""
SIGN_IN_WINDOW = timedelta(minutes=15)
"""Time within which failed sign-ins are counted."""
SIGN_IN_FAILURES_PER_PAIR_MAX = 10
"""Most failures of one user from one network, where they did not sign in before."""
SIGN_IN_FAILURES_PER_ADDRESS_MAX = 50
"""Most failures from one network, where those whom it tried did not sign in before."""
SIGN_IN_FAILURES_PER_USER_MAX = 100
"""Most failures of one user, from wherever they did not sign in before (NIST SP 800-63B-4, 3.2.2: at most 100)."""
SIGN_IN_FAILURES_FAMILIAR_MAX = 10
"""Most failures of one user from one network or device where they did sign in before: further ones wait, but at most
SIGN_IN_PAUSE_MAX, and failures from elsewhere never count."""
SIGN_IN_PAUSE_MAX = timedelta(minutes=1)
FAMILIAR_FOR = timedelta(days=90)
"""Time for which it is remembered where a sign-in came from."""
FAMILIAR_NETWORKS_MAX = 20
"""Most networks that are remembered of one user: the last ones."""
HASHINGS_AT_ONCE_MAX = 2
"""Most hashings at once in one process: each takes 64 MiB and a core, and sign-ins must not starve the robots."""
HASHINGS_WAITED_FOR_MAX = 4
"""Most requests that wait for a hashing in one process: with those above, always less than half of its threads."""
HASHINGS_OF_ONE_MAX = 2
"""Most hashings of one network, or of one user where they signed in before: at work or waiting, in one process."""
