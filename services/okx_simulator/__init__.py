"""A paper OKX on the venue's wire format: REST, OAuth, WebSocket, and a control door to rehearse what can go wrong.

It is never kinder than OKX, and it shares no code with what it rehearses, so one wrong field cannot fool both sides.
What OKX leaves open is a setting. Knowingly simpler: one price without a spread, no matching between accounts, margin
as notional over leverage, no funding, no liquidation by itself, no amend, no algo orders.

    wire        requests, answers, refusals, numbers        venue      instruments, accounts, rules, matching
    access      tokens, signatures, rates                   rows       the rows OKX documents
    endpoints   the REST interface                          streaming  the WebSocket interface
    control     the door for rehearsals
"""
