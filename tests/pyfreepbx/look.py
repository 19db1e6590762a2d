"""What pyfreepbx sees of the PBX on a loopback port: a line of JSON for each question, its name and the answer."""

import json
import sys
import warnings

import httpx
from pyfreepbx import FreePBX
from pyfreepbx.clients import freepbx

warnings.simplefilter("ignore")
PORT, TOKEN = int(sys.argv[1]), sys.argv[2]


def client(token):
    return FreePBX(host="127.0.0.1", port=PORT, api_token=token)


pbx = client(TOKEN)
graphql = pbx._client.graphql


def see(name, ask):
    try:
        seen = ask()
    except httpx.HTTPStatusError as error:
        seen = f"HTTP {error.response.status_code}"
    except Exception as error:
        seen = f"{type(error).__name__}: {error}"
    print(json.dumps([name, seen]))


def status_and_type(**request):
    answer = graphql._http.request(**{"method": "POST", "url": graphql._config.graphql_url, **request})
    return [answer.status_code, answer.headers.get("content-type")]


def ask(query):
    return lambda: graphql.query(query)


see("health", lambda: pbx.health.summary().overall.value)
see("list", pbx.extensions.list)
see("get", lambda: pbx.extensions.get("2000"))
see("queues", pbx._client.fetch_all_queues)
see("unknown field", ask("{ extensions { id } }"))
see("first and alias", ask("{ all: fetchAllExtensions(first: 1) { totalCount extension { extensionId } } }"))
see("one", ask("{ fetchExtension(extensionId: 2001) { extensionId user { voicemail } } }"))
see("none", ask('{ fetchExtension(extensionId: "9") { status message } }'))
see("valid ones", ask("{ fetchAllValidExtensions { count } }"))
see("syntax", ask("{ fetchAllExtensions { status"))
fields = ask("{ __schema { queryType { fields { name } } } }")
see("schema", lambda: len(fields()["__schema"]["queryType"]["fields"]))
see("mutation", lambda: graphql.mutation('mutation { deleteExtension(input: {extensionId: "9"}) { status message } }'))
see("success", lambda: status_and_type(json={"query": "{ __typename }"}))
see("form", lambda: status_and_type(data={"query": "{ __typename }"}, headers={"Content-Type": "application/x-www-form-urlencoded"}))
see("options", lambda: status_and_type(method="OPTIONS", url="/admin/api/api/token"))
see("web interface", lambda: status_and_type(method="GET", url="/admin/ajax.php?module=api&command=getTokens"))
see("bad token", lambda: client("made-up")._client.graphql.query(freepbx.FETCH_ALL_EXTENSIONS))
