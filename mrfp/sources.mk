# SPDX-License-Identifier: Apache-2.0
MRFP_SRC := \
	mrfp/absorb.c \
	mrfp/account.c \
	mrfp/alive.c \
	mrfp/admit.c \
	mrfp/aggregate.c \
	mrfp/budget.c \
	mrfp/chunklog.c \
	mrfp/context.c \
	mrfp/control.c \
	mrfp/ctl_client.c \
	mrfp/ctl_dedup.c \
	mrfp/dial.c \
	mrfp/doors.c \
	mrfp/fanout.c \
	mrfp/file.c \
	mrfp/forward.c \
	mrfp/frame.c \
	mrfp/depart.c \
	mrfp/hangup.c \
	mrfp/ingress.c \
	mrfp/ingress_head.c \
	mrfp/inject.c \
	mrfp/inmsg.c \
	mrfp/keep.c \
	mrfp/legindex.c \
	mrfp/key.c \
	mrfp/nickname.c \
	mrfp/options.c \
	mrfp/owed.c \
	mrfp/places.c \
	mrfp/policy.c \
	mrfp/seal.c \
	mrfp/pressure.c \
	mrfp/publish.c \
	mrfp/psk.c \
	mrfp/ranges.c \
	mrfp/relay.c \
	mrfp/relayed.c \
	mrfp/report.c \
	mrfp/request.c \
	mrfp/route.c \
	mrfp/sampler.c \
	mrfp/sender.c \
	mrfp/server.c \
	mrfp/session.c \
	mrfp/settle.c \
	mrfp/stats.c \
	mrfp/summary.c \
	mrfp/terminal.c \
	mrfp/throttle.c \
	mrfp/transaction.c \
	mrfp/uring.c \
	mrfp/uris.c \
	mrfp/verdict.c \
	mrfp/victim.c \
	mrfp/watch.c \
	mrfp/wire.c \
	mrfp/wire_bundle.c \
	mrfp/wire_rx.c \
	mrfp/wire_send.c \
	mrfp/wire_ws.c
UNIT_TESTS += absorb admit aggregate chunklog context control ctl_client ctl_dedup dial file frame ingress legindex mrfp_nickname mrfp_stats policy ranges relay sampler session settle transaction uring verdict wire wire_bundle
UNIT_TESTS += budget places wire_ws
UNIT_TESTS += sender
UNIT_TESTS += pressure keep
UNIT_TESTS += seal
