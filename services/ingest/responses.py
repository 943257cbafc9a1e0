"""HTTP answers: JSON in the language a client likes best, RFC 9457 problems."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from services.ingest.answer import ProblemDetails
from services.ingest.faults import Problem
from services.ingest.language import Language, asked_for, said_in


def language_of(request: Request) -> Language | None:
    """Return the language that a request likes best; None is both."""
    return asked_for(request.headers.get("accept-language", ""))


def in_json(
    text: str, status: int, language: Language | None, media_type: str = "application/json"
) -> Response:
    """Return an answer whose JSON `text` is in `language`."""
    headers = {"Vary": "Accept-Language", "Content-Language": language or "zh, en"}
    return Response(text, status, headers, media_type)


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
    response = in_json(details.model_dump_json(), problem.status, language, "application/problem+json")
    response.headers.update(problem.headers)
    return response
