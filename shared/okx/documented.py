"""Members of OKX's messages that are documented and that we do not use: whatever is in neither is news.

Sources: D#order-book-trading-trade-get-order-details, D#order-book-trading-trade-ws-order-channel,
D#order-book-trading-trade-get-transaction-details-last-3-days, D#public-data-rest-api-get-instruments.
"""

from collections.abc import Iterator, Mapping

import msgspec

from shared.okx import frames, models


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ORDER = _words(
    "tgtCcy ccy pxUsd pxVol pxType pnl stpId stpMode lever attachAlgoClOrdId attachAlgoOrds linkedAlgoOrd rebateCcy"
    " rebate source isTpLimit cancelSourceReason quickMgnType algoClOrdId algoId tradeQuoteCcy outcome"
    " tpTriggerPx tpOrdPx tpTriggerPxType slTriggerPx slOrdPx slTriggerPxType"
)

_PUSHED = _words(
    "amendResult amendSource cancelSource ordType px tdMode fee feeCcy fillFee fillFeeCcy fillNotionalUsd fillPnl"
    " fillPxVol fillPxUsd fillMarkVol fillFwdPx fillMarkPx fillIdxPx notionalUsd execType reqId lastPx"
)

_FILL = _words("feeRate fillPnl fillPxVol fillPxUsd fillMarkVol fillFwdPx fillMarkPx fillIdxPx tradeQuoteCcy")

_INSTRUMENT = _words(
    "uly alias category stk optType instIdCode groupId instCategory ruleType contTdSwTime preMktSwTime upcChg"
    " tradeQuoteCcyList maxLmtAmt maxMktAmt maxStopSz maxTriggerSz maxTwapSz maxIcebergSz initPxLmtPct floatPxLmtPct"
    " maxPxLmtPct"
)

DOCUMENTED: Mapping[type[msgspec.Struct], frozenset[str]] = {
    models.Order: _ORDER,
    models.Fill: _FILL,
    models.Instrument: _INSTRUMENT,
    frames.OrderPush: _ORDER | _PUSHED,
}


def undocumented(item: object, model: type[msgspec.Struct]) -> Iterator[str]:
    """Name the members of a decoded JSON object that are neither modelled nor documented."""
    known = DOCUMENTED.get(model, frozenset())
    return (name for name in models.strangers(item, model) if name not in known)
