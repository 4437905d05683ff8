"""What pages of other sites can make a browser do to a server without keys."""

from __future__ import annotations

import pytest

OURS, ALLOWED, OTHER = "http://127.0.0.1:3000", "https://a.example", "https://b.example"
FORM = {"q": "你好。", "source": "zh", "target": "en"}
GLOSSARY = {"name": "n", "source_lang": "ZH", "target_lang": "EN", "entries": "上海\tEvil"}


@pytest.mark.parametrize(
    ("site", "origin", "status"),
    [
        ("cross-site", OTHER, 403),
        ("cross-site", None, 403),
        ("same-site", OTHER, 403),
        ("cross-site", "null", 403),
        ("cross-site", ALLOWED, 200),
        ("same-origin", OURS, 200),
        ("none", OTHER, 200),
        ("cross-site", "moz-extension://0123", 200),
        # Browsers that say nothing about the site, as on plain HTTP in a network.
        (None, OTHER, 403),
        (None, "null", 403),
        (None, "http://127.0.0.1:3001", 403),
        (None, "http://127.0.0.1", 403),
        (None, "http://127.0.0.1:port", 403),
        (None, OURS, 200),
        (None, ALLOWED, 200),
        (None, "moz-extension://0123", 200),
        (None, None, 200),
    ],
)
def test_forms_of_other_sites_are_refused_where_no_key_protects(serve, site, origin, status):
    client = serve(cors_origins=(ALLOWED,)).client
    given = {"Sec-Fetch-Site": site, "Origin": origin}
    headers = {name: value for name, value in given.items() if value}
    assert client.post("/translate", data=FORM, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("http://evil.example", "translate.lan:3000", 403),
        ("http://translate.lan:3000", "translate.lan:3000", 201),
        ("http://translate.lan", "Translate.LAN:80", 201),
        ("https://translate.example", "translate.example", 201),
        ("https://translate.example", "translate.example:80", 403),
    ],
)
def test_in_a_network_a_page_is_known_by_the_address_it_came_from(serve, origin, host, status):
    client = serve(address="10.1.2.3", private_network=True).client
    headers = {"Origin": origin, "Host": host}
    assert client.post("/v2/glossaries", data=GLOSSARY, headers=headers).status_code == status


NAMES = [
    ("127.0.0.1:3000", 200),
    ("127.8.9.1", 200),
    ("localhost:3000", 200),
    ("LOCALHOST", 200),
    ("[::1]:3000", 200),
    ("rebound.example:3000", 403),
    ("127.0.0.1.rebound.example", 403),
    ("localhost.rebound.example", 403),
    ("10.1.2.3:3000", 403),
    ("127.0.0.1:port", 403),
    ("[::1", 403),
]


@pytest.mark.parametrize(("host", "status"), NAMES)
def test_a_name_made_to_lead_here_is_refused_where_no_key_protects(serve, host, status):
    client = serve().client
    assert client.get("/glossaries", headers={"Host": host}).status_code == status
    assert client.get("/readyz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("opened", [{"trust_proxy": True}, {"private_network": True}])
def test_other_names_are_answered_on_explicit_request(serve, opened):
    client = serve(**opened).client
    answer = client.get("/glossaries", headers={"Host": "translate.example"})
    assert answer.status_code == 200
