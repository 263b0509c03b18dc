"""Recipes of the documents are run as they are printed: queries as report_ro, addresses as a program."""

from __future__ import annotations

import csv
import io
import os
import re
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from django.db import connection
from django.test import Client
from openpyxl import load_workbook

from plant import env
from tests.factories.plant import account_make, line_make

pytestmark = pytest.mark.django_db
TEXT = (Path(__file__).parents[2] / "docs" / "how-to" / "data-out.md").read_text()
VIEWS = re.findall(r"^\| `(v\d\w+)` \|", TEXT, re.MULTILINE)
STREAMS = re.findall(r"^\| `(/api/v1/[^`]+)` \|", TEXT, re.MULTILINE)
BACKEND = "django.contrib.auth.backends.ModelBackend"


def test_the_query_for_psql_and_every_view_answer_the_role_of_reports() -> None:
    url = os.environ.get("MOM_TEST_DATABASE_REPORT_URL")
    if not url:
        pytest.skip("no login of report_ro: set MOM_TEST_DATABASE_REPORT_URL")
    given = env.database("", url)
    opened = psycopg2.connect(
        host=given["HOST"], port=given["PORT"], user=given["USER"], password=given["PASSWORD"],
        dbname=connection.settings_dict["NAME"],
    )  # fmt: skip
    [query] = re.findall(r'-c "(SELECT [^"]+)"', TEXT)
    with closing(opened), opened.cursor() as cursor:
        cursor.execute(query)
        assert [column.name for column in cursor.description or ()] == ["reason", "hours"]
        assert len(VIEWS) >= 12
        for view in VIEWS:
            cursor.execute(f"SELECT * FROM report.{view} LIMIT 1")  # names come from our own document


def test_the_addresses_for_pandas_and_excel_give_a_table(client: Client) -> None:
    line = line_make(1)
    client.force_login(account_make("engineer", line.site), backend=BACKEND)
    [printed] = re.findall(r'"(https://mom.example/api/[^"]+format=csv[^"]+)"', TEXT)
    parts = urlsplit(printed)
    answer = client.get(f"{parts.path}?{parts.query}")
    assert answer.status_code == 200
    [head] = list(csv.reader(io.StringIO(answer.getvalue().decode())))
    dates = re.findall(r"parse_dates=\[(.*?)\]", TEXT)[0]
    assert set(re.findall(r'"(\w+)"', dates)) <= set(head), "columns the recipe reads as times"
    [power_query] = re.findall(r"\[Query = \[(.*?)\]", TEXT, re.DOTALL)
    asked = dict(re.findall(r'(\w+) = "([^"]*)"', power_query))
    assert client.get(parts.path, asked).status_code == 200
    book = client.get(parts.path, {**asked, "format": "xlsx"})
    [cells] = load_workbook(io.BytesIO(book.getvalue())).worksheets[0].iter_rows(values_only=True)
    assert list(cells) == head


def test_every_list_named_there_is_a_stream() -> None:
    schema = Client().get("/api/schema?format=json").json()["paths"]
    for path in STREAMS:
        parameters = schema[path]["get"]["parameters"]
        assert "csv" in str(parameters), path
