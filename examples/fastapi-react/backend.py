"""A shop that paints pictures for credits: a FastAPI app with livecredits inside it.

Start it with `uvicorn backend:app --timeout-graceful-shutdown 3`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import Cookie, Depends, FastAPI, HTTPException, Response
from fastapi.staticfiles import StaticFiles

from livecredits import Credits, InsufficientCredits

PICTURE_COSTS = 5
PAGES = Path(__file__).parent / "frontend" / "dist"

credits = Credits("sqlite:///pictures.db")
app = FastAPI(lifespan=credits.lifespan)
billing = credits.asgi()
app.mount("/billing/credits", billing)


async def signed_in(session: Annotated[str | None, Cookie()] = None) -> str:
    """Whoever is signed in; your own session stands in this place, and this cookie does not."""
    if session is None:
        raise HTTPException(401, "Sign in first.")
    return session


User = Annotated[str, Depends(signed_in)]


@app.post("/sign-in", status_code=204)
async def sign_in(name: str, response: Response) -> None:
    """Sign in, and get 20 credits the first time: the key makes the second time the same grant."""
    await credits.grant(name, 20, key=f"welcome:{name}", label="Welcome")
    response.set_cookie("session", name, httponly=True, samesite="strict")


@app.get("/me")
async def me(user: User) -> dict[str, str]:
    """Whose page it is."""
    return {"user": user}


@app.post("/credits-token")
async def credits_token(user: User) -> dict[str, str]:
    """A token with which this user's browser sees this user's account, for a quarter of an hour."""
    token, _expires_at_us = await billing.services.tokens.mint(user, ttl_s=900)
    return {"token": token}


@app.post("/pictures")
async def make_picture(key: str, user: User) -> dict[str, object]:
    """Charge, then paint. The key is the browser's: a repeated request charges once."""
    try:
        answer = await credits.spend(user, PICTURE_COSTS, key=key, as_user=True, label="Picture")
    except InsufficientCredits as refused:
        raise HTTPException(402, refused.detail) from None
    return answer.as_json()


app.mount("/", StaticFiles(directory=PAGES, html=True, check_dir=False))
