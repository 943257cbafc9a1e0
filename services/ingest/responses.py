"""HTTP answers: JSON in the language a client likes best, RFC 9457 problems."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from services.ingest import body
from services.ingest.answer import ProblemDetails
from services.ingest.faults import Problem
from services.ingest.language import Language, asked_for, said_in


class _Heard(Response):
    """An answer that also reaches who reads none before the whole request is sent: see `body.drop`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def unended(message: Message) -> None:
            if message["type"] == "http.response.body":
                message["more_body"] = True
            await send(message)

        await super().__call__(scope, receive, unended)
        await body.drop(Request(scope, receive), scope["app"].state.pace)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def language_of(request: Request) -> Language | None:
    """Return the language that a request likes best; None is both."""
    return asked_for(request.headers.get("accept-language", ""))


def in_json(text: str, status: int, language: Language | None) -> Response:
    """Return an answer whose JSON `text` is in `language`."""
    return Response(text, status, _headers(language), "application/json")


def of_problem(request: Request, problem: Problem) -> Response:
    """Return the answer that says what is wrong with a request as a whole; if it is a push, it is audited."""
    request.app.state.audit.note(request, problem)
    language = language_of(request)
    details = ProblemDetails(
        title=HTTPStatus(problem.status).phrase,
        status=problem.status,
        detail=said_in(language, problem.message),
        code=problem.code,
    )
    headers = _headers(language) | problem.headers
    return _Heard(details.model_dump_json(), problem.status, headers, "application/problem+json")


def _headers(language: Language | None) -> dict[str, str]:
    return {"Vary": "Accept-Language", "Content-Language": language or "zh, en"}
