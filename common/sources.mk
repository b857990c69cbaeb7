# SPDX-License-Identifier: Apache-2.0
COMMON_SRC := $(wildcard \
	common/addr.c \
	common/buf.c \
	common/bytes.c \
	common/chunk.c \
	common/clock.c \
	common/config.c \
	common/config_value.c \
	common/conn.c \
	common/conn_plain.c \
	common/daemon.c \
	common/digest.c \
	common/err.c \
	common/http.c \
	common/http_client.c \
	common/http_server.c \
	common/http_url.c \
	common/listener.c \
	common/log.c \
	common/mem.c \
	common/metrics.c \
	common/outq.c \
	common/rand.c \
	common/slice.c \
	common/store.c \
	common/store_mem.c)
UNIT_TESTS += $(patsubst tests/unit/test_%.c,%,$(wildcard $(addprefix tests/unit/test_,\
	addr.c buf.c bytes.c chunk.c clock.c config.c conn.c daemon.c http.c http_client.c http_url.c listener.c log.c metrics.c outq.c rand.c slice.c store.c)))
