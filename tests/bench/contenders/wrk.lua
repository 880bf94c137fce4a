-- The same order again and again: what C on one thread makes of the stub, beside the ceiling in Python.
wrk.method = "POST"
wrk.path = "/api/v5/trade/order"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. string.rep("t", 300)
wrk.body = '{"instId":"BTC-USDT-SWAP","tdMode":"cross","side":"buy","ordType":"market","sz":"0.03","clOrdId":"wrk","tag":"slipbench"}'
