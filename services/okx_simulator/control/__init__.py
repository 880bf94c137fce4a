"""The door for rehearsals, plain JSON under /control/, answered to the loopback interface only.

    POST   accounts                     make accounts (people.AccountSpec, a list); one of the same uid starts afresh
    GET    accounts/{uid}               one account as it is
    GET    positions                    {uid: {instId: signed position}}
    POST   instruments                  add or change instruments (a list): published fields, px, depth, max_fill, band
    POST   market                       change one known instrument; resting orders its price comes to fill
    POST   trade                        place an order as anybody, filled in given pieces (trading.TradeSpec)
    POST   position                     set a position without a fill
    POST   faults                       plant a fault (faults.FaultSpec); GET lists them with hits, DELETE removes all
    DELETE faults/{id}                  remove one
    GET    evidence?since_seq=&limit=   what happened, row by row (evidence module); go on from `next_seq`
    GET    stats                        counts per endpoint and code, per fault kind
    GET    clock                        the venue's clock; POST {offset_ms} sets it apart from the machine's

Depth is what one taking order finds; `max_fill` the largest single fill; `band` the price limits' distance, a ratio.
"""
