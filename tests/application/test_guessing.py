"""Which passwords are refused as guessed first, and which are taken."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from application.identity.guessing import is_guessed_first
from application.identity.passwords import check_password, generate_password
from domain.errors import FieldError, InvalidInputError
from domain.limits import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN
from tests.support.effort import effort, seeded_random

REASON = "is among those that are guessed first; use several unrelated words"
EMAIL, NAME = "grace.hopper@navy.example.org", "Grace Brewster Hopper"
COMMON = FREQUENCY_LISTS["passwords"]
ENGLISH = FREQUENCY_LISTS["english_wikipedia"]


def is_refused(password: str, email: str = EMAIL, name: str = NAME) -> bool:
    assert len(password) >= PASSWORD_CHARS_MIN, "that alone would be a reason"
    try:
        check_password(password, email=email, name=name)
    except InvalidInputError as error:
        return error.errors == [FieldError("password", REASON)]
    return False


def filled(word: str) -> str:
    """Return the word, as often as it takes to be long enough."""
    return word * -(-PASSWORD_CHARS_MIN // len(word))


@pytest.mark.parametrize(
    "password",
    [
        "password1234567",
        "password12345678!",
        "Password-2026-Password",
        "passwordpassword",
        "password password",
        "pass word pass word",
        "drowssap12345678",
        "letmeinletmeinletmein",
        "LetMeIn!123456789",
        "welcomewelcome123",
        "changemechangeme",
        "iloveyou1234567",
        "administrator2026!",
        "trustno1trustno1",
        "Summer2026Summer2026",
        "football2024!!!!",
        "monkeydragonmaster",
        "correcthorsebatterystaple",
        "Correct Horse Battery Staple",
        "correct-horse-battery-staple!",
        "To be, or not to be",
        "the quick brown fox",
        "qwertyuiopasdfgh",
        "qwertyuiop[]asdfghjkl",
        "!@#$%^&*()_+QWERTY",
        "1qaz2wsx3edc4rfv",
        "1q2w3e4r5t6y7u8i9o",
        "zaq12wsxcde34rfv",
        "poiuytrewqlkjhgfdsa",
        "123456789012345",
        "987654321098765",
        "2024010120240101",
        "02021979123456789012345",
        "020419732026!!!!!!!!!",
        "014785202026!!!!!!!!!",
        "l58jkdjp!2026!!!!!!!!!",
        "abcdefghijklmnopq",
        "aaaaaaaaaaaaaaaa",
        "!!!!!!!!!!!!!!!!",
        "abcabcabcabcabcabc",
        "11111111112222222222",
        "p4ssw0rd1234567",
        "P@$$w0rd!P@$$w0rd!",
        "@dm1n1str@t0r2026",
        "rpawatchrpawatch",
        "RPA Watch RPA Watch",
        "RPA-Watch-2026!!",
        "rpawatch12345678",
        "rp4w4tch-2026-rpa",
        "welcome to rpawatch",
        "grace.hopper2026",
        "gracehopper12345",
        "Hopper.Grace.1906",
        "GraceBrewsterHopper1",
        "gr4ce.h0pper2026",
        "navy.example.org1",
        "NavyExampleOrg2026",
        EMAIL,
        EMAIL.upper(),
        f"{EMAIL}!{EMAIL}",
        "administrator" * 9,
        "qwertyuiopasdfghjklzxcvbnm" * 4,
        "0123456789" * 12,
    ],
)
def test_what_is_guessed_first_is_refused(password: str) -> None:
    assert is_refused(password)


@pytest.mark.parametrize(
    "password",
    [
        "seven green bicycles",
        "mustard lamp seven dogs",
        "orbit-cactus-velvet-anchor",
        "purplemonkeydishwasherlamp",
        "grace likes mustard lamps and dogs",
        "we watch the green bicycles go",
        "blau tisch regen hund",
        "vier zufällige wörter hier",
        "собака лес окно дождь",
        "四つの無関係な言葉を選びました本当",
        "正确的马电池订书钉今天天气很好",
        "שלום ירוק אופניים גשם",
        "Zürich größer finden 🤖 שלום",
        "xkqzvbnmwrtplkjh",
        "Gx7#pQ2!vL9&zR4",
        "8419273650184293847",
        "§%&/()=?*+#'-_.:",
        "9f3c1e7a8b2d4f60a1c5",
        "mustard lamp seven dogs " * 5,
    ],
)
def test_what_takes_many_guesses_is_taken_whatever_it_is_made_of(password: str) -> None:
    assert not is_refused(password)


def test_the_most_common_passwords_are_refused_also_when_they_are_repeated_or_have_digits_or_signs_appended() -> None:
    chance = seeded_random()
    for word in chance.sample(COMMON[:10_000], effort(20, 10_000)):
        for password in (filled(word), f"{word.title()}{'1234567890' * 2}"[: len(word) + 15], f"{word}2026!!!!!!!!!"):
            assert is_refused(password), password


def test_four_words_drawn_from_a_long_list_are_taken_however_they_are_written() -> None:
    chance = seeded_random()
    words = [word for word in ENGLISH[:7_776] if len(word) > 3]
    for separator, _ in product((" ", "-", ""), range(effort(8, 500))):
        password = separator.join(chance.sample(words, 4))
        assert not is_refused(password), password


def test_what_is_generated_is_taken() -> None:
    assert not any(is_refused(generate_password()) for _ in range(20))


def test_the_words_of_another_user_do_not_count() -> None:
    password = "kvothe.arliden 1"
    assert is_refused(password, email="kvothe.arliden@example.com")
    assert not is_refused(password)
    with ThreadPoolExecutor(8) as pool:
        own = ["kvothe.arliden@example.com" if number % 2 else EMAIL for number in range(40)]
        refused = list(pool.map(lambda email: is_refused(password, email=email), own))
    assert refused == [email != EMAIL for email in own]


@pytest.mark.parametrize(
    "alphabet",
    ["4@8({[<369!1|0$5+7%2", "0123456789", "ab", "a", "ß", "qwertyuiop", "".join(map(chr, range(33, 127)))],
    ids=["signs for letters", "digits", "two letters", "one letter", "a letter that grows", "a row of keys", "all"],
)
def test_no_password_takes_long_to_judge_and_a_longer_one_no_longer(alphabet: str) -> None:
    chance = random.Random(alphabet)

    def seconds(length: int) -> float:
        """How long it takes of the processor's time, at best: others are at work too."""
        best = float("inf")
        for _ in range(3):
            password = "".join(chance.choices(alphabet, k=length))
            began = time.thread_time()
            is_guessed_first(password, email=EMAIL, name=NAME)
            best = min(best, time.thread_time() - began)
        return best

    seconds(32)
    assert seconds(PASSWORD_CHARS_MAX) < 4 * seconds(32) + 0.01
    assert seconds(PASSWORD_CHARS_MAX) < 0.5
