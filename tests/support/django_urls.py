"""The pages of the tests' Django project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from traktauth.web.django import account_of, disconnect, trakt_of, trakt_required, web_login

if TYPE_CHECKING:
    from django.http import HttpRequest


@trakt_required
def name(request: HttpRequest) -> HttpResponse:
    return HttpResponse(trakt_of(request).request("GET", "/users/settings").json()["user"]["username"])


@trakt_required
def name_of(_request: HttpRequest, account: str) -> HttpResponse:
    return HttpResponse(web_login().trakt(account).request("GET", "/users/settings").json()["user"]["username"])


@trakt_required
def disconnected(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(disconnect(request).revoked))


def session(request: HttpRequest) -> HttpResponse:
    return JsonResponse(dict(request.session))


def account(request: HttpRequest) -> HttpResponse:
    return JsonResponse(account_of(request), safe=False)


@csrf_exempt
def basket(request: HttpRequest) -> HttpResponse:
    request.session["basket"] = 3
    return HttpResponse()


def user(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.user.get_username())


urlpatterns = [
    path("trakt/", include("traktauth.web.django.urls")),
    path("name", name),
    path("of/<account>", name_of),
    path("write", csrf_exempt(name)),
    path("basket", basket),
    path("account", account),
    path("disconnect", disconnected),
    path("session", session),
    path("user", user),
]
