# SPDX-License-Identifier: Apache-2.0
"""An independent SIP and MSRP peer for black-box tests: own parsers, standard library only
(and python3-cryptography for sealed bodies).

Layers, each usable alone:

    loop     one reactor thread; every wait of a test is loop.wait(predicate, timeout, what)
    sipmsg   SIP messages: parse, build, name-addr and URI helpers
    sip      SipUA: sockets, transactions, dialogs, calls, subscriptions
    sdp      SDP for MSRP media lines
    msrp     MSRP frames, connections, listeners, sessions with reassembly
    cpim     message/cpim
    confinfo conference-info documents (RFC 4575), full and partial
    cms, ece, inner, mikey, gke   sealed bodies, sealed files, what stands inside, keys; gke.Member has them all
    ue       UE: a whole terminal made of the above

Nothing here sleeps: tests wait for events with a deadline, and prove an absence by a fence
(a later event that must come after the forbidden one, on the same ordered channel).
"""
