# SPDX-License-Identifier: Apache-2.0
COMMON_SRC := \
	common/addr.c \
	common/buf.c \
	common/bytes.c \
	common/checks.c \
	common/chunk.c \
	common/clock.c \
	common/config.c \
	common/config_value.c \
	common/conn.c \
	common/conn_plain.c \
	common/conn_tls.c \
	common/conn_tls_peer.c \
	common/conn_tls_psk.c \
	common/conn_tls_turn.c \
	common/daemon.c \
	common/digest.c \
	common/err.c \
	common/fingerprint.c \
	common/http.c \
	common/http_client.c \
	common/http_server.c \
	common/http_url.c \
	common/listener.c \
	common/log.c \
	common/mem.c \
	common/metrics.c \
	common/outq.c \
	common/peer_users.c \
	common/rand.c \
	common/rate.c \
	common/resolve.c \
	common/secret.c \
	common/secret_box.c \
	common/slice.c \
	common/store.c \
	common/store_file.c \
	common/store_mem.c \
	common/store_overlay.c \
	common/store_sqlite.c \
	common/store_writer.c \
	common/tls.c \
	common/tls_ca.c \
	common/tls_files.c \
	common/tls_why.c
UNIT_TESTS += addr buf bytes checks chunk clock config conn conn_tls daemon fingerprint http http_client http_url listener log \
	metrics outq rand rate resolve slice store store_file store_writer tls tls_ca tls_files
UNIT_TESTS += secret secret_box
