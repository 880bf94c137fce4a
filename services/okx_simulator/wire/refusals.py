"""Refusals as OKX words them, and the HTTP status each travels with (error code tables of OKX's reference)."""

from typing import Final

GATEWAY_CODES: Final = frozenset({"50011", "50119", "404"})
"""Refusals that come from in front of the API: their body has no `data` member."""

_STATUS: Final = {
    "50011": 429,
    "50014": 400,
    "50101": 401,
    "50102": 401,
    "50103": 401,
    "50104": 401,
    "50105": 401,
    "50106": 401,
    "50107": 401,
    "50110": 401,
    "50111": 401,
    "50112": 401,
    "50113": 401,
    "50114": 401,
    "50115": 405,
    "50119": 401,
    "51000": 400,
    "404": 404,
}

TEXTS: Final = {
    "50011": "Too Many Requests",
    "50026": "System error. Try again later",
    "50030": "You don't have permission to use this API endpoint",
    "50036": "The expTime can't be earlier than the current system time",
    "50037": "Order expired",
    "50061": "Order rate limit of the sub-account reached",
    "50101": "APIKey does not match current environment",
    "50102": "Timestamp request expired",
    "50103": 'Request header "OK-ACCESS-KEY" cannot be empty',
    "50104": 'Request header "OK-ACCESS-PASSPHRASE" cannot be empty',
    "50105": 'Request header "OK-ACCESS-PASSPHRASE" incorrect',
    "50106": 'Request header "OK-ACCESS-SIGN" cannot be empty',
    "50107": 'Request header "OK-ACCESS-TIMESTAMP" cannot be empty',
    "50110": "Your IP is not included in your API key's IP list",
    "50111": "Invalid OK-ACCESS-KEY",
    "50112": "Invalid OK-ACCESS-TIMESTAMP",
    "50113": "Invalid signature",
    "50114": "Invalid authorization",
    "50115": "Invalid request method",
    "50119": "API key doesn't exist",
    "50120": "This API key doesn't have permission to use this function",
    "51001": "Instrument ID doesn't exist.",
    "51004": "Order amount exceeds the current tier limit",
    "51006": "Order price is not within the price limit",
    "51008": "Order failed. Insufficient balance in account",
    "51010": "You can't complete this request under your current account mode",
    "51016": "Duplicated client order ID",
    "51020": "Your order should meet or exceed the minimum order amount",
    "51022": "Contract suspended",
    "51023": "Position doesn't exist",
    "51101": "Entered amount exceeds the max pending order amount",
    "51111": "Maximum 20 orders can be placed in bulk",
    "51112": "Close order size exceeds your available size",
    "51121": "Order quantity must be a multiple of the lot size",
    "51124": "You can only place limit orders during call auction",
    "51169": "Order failed because you don't have any positions to reduce or close",
    "51170": "Order failed because the reduce-only order is in the same direction as your position",
    "51201": "Value of per market order cannot exceed the maximum",
    "51202": "Market order amount exceeds the maximum",
    "51203": "Limit order amount exceeds the maximum",
    "51400": "Order cancellation failed as the order has been filled, canceled or does not exist",
    "51603": "Order does not exist",
    "53000": "Invalid token",
    "50116": "Fast API keys are limited to one; delete the old one first",
    "50118": "Bind your app's IP addresses first",
    "53001": "User cancelled the authorization",
    "53002": "Token expired",
    "53003": "Token revoked",
    "53004": "Account frozen",
    "53005": "Wrong refresh token",
    "53009": "Authorization failed",
    "53010": "Parameter error",
    "53012": "Authorization code expired",
    "53013": "No permission for this API",
    "53014": "Your IP is not on the allow-list",
    "53016": "redirect_uri is not registered",
    "53017": "Fast API permission is not enabled",
    "53018": "No authorization for this site",
    "59505": "Passphrase format is wrong",
    "59506": "API key doesn't exist",
    "404": "Not Found",
}


class Refused(Exception):
    """The venue says no: `code` and `text` as on the wire, `status` for HTTP, `sub_code` where OKX has one."""

    def __init__(self, code: str, text: str = "", *, status: int = 0, sub_code: str = "") -> None:
        self.code = code
        self.text = text or TEXTS[code]
        self.status = status or _STATUS.get(code, 200)
        self.sub_code = sub_code
        super().__init__(f"{code} {self.text}")


def parameter(name: str) -> Refused:
    """Return OKX's refusal of a parameter, which is named in its text."""
    return Refused("51000", f"Parameter {name} error")


def empty(name: str) -> Refused:
    """Return OKX's refusal of a parameter left out."""
    return Refused("50014", f"Parameter {name} can not be empty.")
