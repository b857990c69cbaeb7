/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of the MRFP's settings: loading, checking and the manual come from it.
 */
#include "mrfp/options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/checks.h"
#include "common/mem.h"
#include "common/tls.h"
#include "mrfp/places.h"

#define OPT(path, type, field, def, min, max, words, unit, text, missing)                          \
	{                                                                                          \
		path, type, offsetof(struct options, field), def, min, max, words, unit, text,     \
			missing                                                                    \
	}
#define STRING(path, field, def, text)                                                             \
	OPT(path, CONFIG_STRING, field, def, 0, 0, NULL, "", text, NULL)
#define INT(path, field, def, min, max, text)                                                      \
	OPT(path, CONFIG_INT, field, def, min, max, NULL, "", text, NULL)
#define OCTETS(path, field, def, min, max, text)                                                   \
	OPT(path, CONFIG_BYTES, field, def, min, max, NULL, "octets", text, NULL)
#define TIME(path, field, def, min, max, text)                                                     \
	OPT(path, CONFIG_MS, field, def, min, max, NULL, "s", text, NULL)

#define MIB (INT64_C(1) << 20)

const struct config_opt options_table[] = {
	STRING("msrp.address", msrp_address, "127.0.0.1",
	       "Numeric addresses that the MSRP listeners bind, comma-separated, at most four; a peer is told the first of its own family. 0.0.0.0 or ::, all of the machine, needs msrp.advertise."),
	STRING("msrp.advertise", msrp_advertise, "",
	       "Hosts put in our MSRP URIs: one for each of msrp.address in the same order, or one name for all; empty: the addresses."),
	INT("msrp.port", msrp_port, "2855", 0, 65535, "TCP port for MSRP; 0 picks a free one."),
	INT("msrp.tls_port", msrp_tls_port, "-1", -1, 65535,
	    "TCP port for MSRP over TLS; 0 picks a free one, -1 is off."),
	INT("msrp.wss_port", wss_port, "-1", -1, 65535,
	    "TCP port for MSRP over secure WebSocket; 0 picks a free one, -1 is off."),
	STRING("msrp.wss_advertise", wss_advertise, "",
	       "HOST:PORT at which browsers open WebSockets, put in our MSRP URIs; empty: the real host and port."),
	INT("msrp.ws_port", ws_port, "-1", -1, 65535,
	    "TCP port for plain WebSocket from a TLS terminator on this machine; 0 picks a free one, -1 is off."),
	STRING("msrp.ws_address", ws_address, "127.0.0.1",
	       "Numeric loopback address that the plain WebSocket listener binds."),
	STRING("msrp.ws_origins", ws_origins, "",
	       "Origins whose pages may open WebSockets, such as https://chat.example.com, comma-separated; empty or *: any."),
	TIME("msrp.ws_ping", ws_ping_ms, "30s", 0, 3600000,
	     "Interval of pings on a WebSocket; it is closed when nothing came for one after a ping; 0 is off."),
	OCTETS("msrp.relay_chunk", relay_chunk, "8KiB", 2048, 16384,
	       "Longest chunk in a context with a peer behind an MSRP relay (a=path of several URIs), 16 KiB elsewhere; relays lose long frames."),
	OCTETS("msrp.max_size", max_size, "256MiB", 1, INT64_MAX,
	       "Largest message accepted; larger ones get 413."),
	OCTETS("msrp.send_buffer", send_buffer, "128KiB", 4096, 64 * MIB,
	       "Kernel send buffer of a connection; more hides a stalled peer."),
	OPT("msrp.io", CONFIG_ENUM, msrp_io, "auto", 0, 0, "auto uring writev", "",
	    "System calls of plain connections: all sends and reads of a turn in one (io_uring; auto where the kernel allows it), or one each.",
	    NULL),
	OPT("msrp.gather", CONFIG_INT, gather_us, "100", 0, 10000, NULL, "us",
	    "With io_uring: microseconds that many responses due from receivers may gather before they are read; 0: none.",
	    NULL),
	STRING("msrp.connect_allow", connect_allow, "127.0.0.0/8,::1",
	       "Networks that the MRFP may connect to as the active side, comma-separated."),
	STRING("msrp.trusted_media", trusted_media, "127.0.0.0/8,::1",
	       "Networks that carry many UEs: no limits per address."),
	TIME("msrp.bind_timeout", bind_timeout_ms, "30s", 10, 3600000,
	     "A connection without a session is closed, a session nobody binds is lost after this."),
	TIME("msrp.header_timeout", header_timeout_ms, "10s", 10, 3600000,
	     "A connection on which a head or an end-line begins and does not end in this time is closed."),
	TIME("msrp.message_timeout", message_timeout_ms, "540s", 10, 86400000,
	     "A partial message without a further chunk is given up after this."),
	TIME("msrp.response_timeout", response_timeout_ms, "30s", 10, 3600000,
	     "A SEND of ours without response counts as lost after this."),
	TIME("msrp.verdict_timeout", verdict_timeout_ms, "5s", 10, 60000,
	     "A message that waits for the MRFC's verdict (authorise), or for its sender's answer in SIP, is refused with 403 after this."),
	TIME("msrp.connect_timeout", connect_timeout_ms, "10s", 10, 3600000,
	     "A connection that we open is given up after this."),
	TIME("msrp.tcp_timeout", tcp_timeout_ms, "60s", 0, 3600000,
	     "A connection whose other machine is gone is found by TCP in about this time; 0: as the system has it."),
	TIME("msrp.keepalive", keepalive_ms, "0", 0, 3600000,
	     "Silence of a bound peer after which an empty SEND asks for a sign of life; without one in msrp.response_timeout it is lost. 0: only TCP asks."),
	TIME("msrp.session_idle", session_idle_ms, "0", 0, 604800000,
	     "A session without a message either way for this long ends; 0: never."),
	INT("msrp.max_connections", max_connections, "50000", 1, 10000000,
	    "MSRP connections in all."),
	INT("msrp.max_unbound", max_unbound, "2000", 1, 10000000,
	    "MSRP connections without a session."),
	INT("msrp.max_per_address", max_per_address, "100", 1, 10000000,
	    "MSRP connections from one address outside msrp.trusted_media."),
	INT("msrp.max_sessions", max_sessions, "1000", 1, 100000,
	    "Sessions sharing one connection."),
	INT("msrp.max_open_messages", max_open_messages, "32", 1, 10000,
	    "Partial messages of one session; more get 413."),
	INT("msrp.message_rate", message_rate, "200", 0, 1000000,
	    "Messages a second that one participant may begin, over all its sessions; ten seconds' worth may come at once, notices count a tenth. More get 413, then reading is paused, in the end the session ends; 0: no limit."),
	INT("msrp.trusted_message_rate", trusted_message_rate, "0", 0, 1000000,
	    "The same for participants whose connection comes from msrp.trusted_media."),
	OCTETS("msrp.octet_rate", octet_rate, "0", 0, INT64_C(1) << 40,
	       "Octets a second from one participant, ten seconds' worth at once; above that reading is paused; 0: no limit."),
	INT("msrp.nickname_rate", nickname_rate, "10", 0, 1000000,
	    "NICKNAME requests a second of one participant, ten seconds' worth at once; more get 403; 0: no limit."),
	INT("msrp.probe_limit", probe_limit, "5", 0, 1000000,
	    "Requests in a minute for sessions that do not exist, from one address outside msrp.trusted_media, after which it is banned; 0: never."),
	TIME("msrp.probe_ban", probe_ban_ms, "60s", 10, 86400000,
	     "Time for which a banned address gets no new connection."),
	OCTETS("context.log_bytes", log_bytes, "16MiB", 65536, INT64_C(1) << 40,
	       "Outgoing chunks held per context; at the limit the slowest legs are cut."),
	OCTETS("context.high_water", high_water, "4MiB", 16384, INT64_C(1) << 40,
	       "Lag of the slowest leg above which senders of bulk messages are paused; at most half of context.log_bytes counts."),
	OCTETS("context.chat_water", chat_water, "12MiB", 16384, INT64_C(1) << 40,
	       "Outgoing chunks held per context above which all its senders are paused; at most three quarters of context.log_bytes count."),
	OCTETS("context.private_bytes", private_bytes, "2MiB", 65536, INT64_C(1) << 30,
	       "Private messages waiting for one leg; above a quarter their bulk senders are paused, above three quarters all that send to it."),
	TIME("context.grace", grace_ms, "10s", 10, 3600000,
	     "A leg that takes nothing for this long is cut."),
	TIME("context.stall", stall_ms, "1s", 10, 3600000,
	     "While all senders wait, a leg that takes nothing for this long is cut before its grace time."),
	OPT("context.slow", CONFIG_ENUM, slow, "pause", 0, 0, "pause cut", "",
	    "What a leg costs that is slow but moves: all senders wait for it (pause), or it is cut when the log is full (cut).",
	    NULL),
	OCTETS("context.keep_bytes", keep_bytes, "4MiB", 131072, INT64_C(1) << 40,
	       "Where the MRFC keeps messages for who is away: recent ones of a context held for legs that may go before they answer."),
	TIME("context.keep_wait", keep_wait_ms, "5s", 10, 60000,
	     "The response to a message that somebody misses waits for the MRFC to store it, but not longer."),
	TIME("context.keep_hold", keep_hold_ms, "30s", 10, 3600000,
	     "A leg that came back gets what it missed before anything else, but live messages do not wait longer."),
	INT("imdn.pass_limit", imdn_pass_limit, "10", 0, 10000000,
	    "Rooms of up to so many legs pass every IMDN; in larger ones so many of each message and kind pass, the rest goes to the message's sender in summaries."),
	TIME("imdn.window", imdn_window_ms, "5s", 100, 3600000,
	     "From the first IMDN held back for a summary to the summary."),
	INT("composing.limit", composing_limit, "20", 0, 10000000,
	    "Rooms of more legs pass typing indications sampled."),
	TIME("composing.interval", composing_interval_ms, "10s", 0, 3600000,
	     "Above composing.limit: shortest time between two active states of one sender that pass."),
	INT("composing.rate", composing_rate, "5", 0, 1000000,
	    "Above composing.limit: active states of one room that pass in a second."),
	OCTETS("process.memory", memory, "1GiB", 1 * MIB, INT64_MAX,
	       "Held in all logs, queues, partial messages and open transactions; at 80 % senders of bulk wait, at 95 % all, at 100 % new messages get 413 and the largest legs are cut."),
	TIME("process.drain", drain_ms, "5s", 0, 3600000,
	     "After TERM the MRFC has this long to move our conferences to another MRFP; then what is owed to legs may take as long to go out."),
	OPT("process.dumps", CONFIG_BOOL, dumps, "false", 0, 0, NULL, "",
	    "Whether the process may leave core dumps and be looked into by other processes of its user: its memory has keys of TLS and what conferences say. For developers.",
	    NULL),
	STRING("tls.certificate", tls_certificate, "",
	       "PEM file with our certificate and its chain; empty: a self-signed one is made at each start."),
	STRING("tls.key", tls_key, "",
	       "PEM file with the key of tls.certificate, without passphrase: RSA 2048..4096, P-256, P-384 or Ed25519."),
	TIME("tls.overlap", tls_overlap_ms, "60s", 0, 3600000,
	     "After HUP our descriptions name the old and the new certificate; this much later the new one is shown."),
	STRING("tls.ca", tls_ca, "",
	       "PEM file of the authorities whose certificates of peers are good where tls.verify says so."),
	OPT("tls.verify", CONFIG_ENUM, tls_verify, "fingerprint", 0, 0, "fingerprint ca either", "",
	    "Who an MSRP peer over TLS must be: fingerprint: have the certificate that its description announces; ca: have one of tls.ca for the host of its MSRP URI, and that which is announced, if any; either: the announced one, or where none is, one of tls.ca.",
	    NULL),
	STRING("mp.socket", mp_socket, "build/run/mp.sock",
	       "Unix socket of the MRFC's control protocol."),
	STRING("mp.connect", mp_connect, "",
	       "Numeric HOST:PORT of an MRFC on another machine, reached over TLS 1.3; empty: mp.socket."),
	STRING("mp.tls_certificate", mp_tls_certificate, "",
	       "PEM file: the certificate that we show the MRFC at mp.connect; its fingerprint belongs in mp.pins there."),
	STRING("mp.tls_key", mp_tls_key, "", "PEM file: its key, without a passphrase."),
	STRING("mp.pins", mp_pins, "",
	       "Fingerprint of the MRFC's certificate (mp.tls_certificate there), written as above; two, comma-separated, while it changes."),
	STRING("mp.id", mp_id, "mrfp",
	       "Name of this MRFP, stable over restarts; each MRFP of an MRFC needs its own."),
	INT("mp.max_terminations", mp_max_terminations, "0", 0, 10000000,
	    "Sessions that the MRFC may place here; 0: no limit."),
	TIME("mp.keepalive", mp_keepalive_ms, "1s", 10, 60000,
	     "Interval of keepalives; three misses are a dead link."),
	INT("mp.events", mp_events, "4096", 1, 1000000,
	    "Events kept for the MRFC while it is away."),
	OCTETS("mp.event_bytes", mp_event_bytes, "16MiB", 131072, INT64_C(1) << 40,
	       "Messages among them, for members who are away; more are not kept."),
	STRING("admin.address", admin_address, "127.0.0.1",
	       "Numeric address of the admin HTTP listener."),
	INT("admin.port", admin_port, "-1", -1, 65535,
	    "Port of the admin HTTP listener; 0 picks a free one, -1 is off."),
	STRING("admin.token_file", admin_token_file, "",
	       "File with the bearer token that changes need (reading needs none); empty: none."),
	OPT("log.level", CONFIG_ENUM, log_level, "info", 0, 0, "error warn info debug", "",
	    "Least urgent lines that are logged.", NULL),
};
const size_t options_table_len = ARRAY_LEN(options_table);

static int check_networks(const char *path, const char *text, const struct check *c)
{
	struct addr_set *set;

	if (addr_set_parse(text, &set) != 0)
		return check_wrong(c, "%s: %s is no list of networks (such as 192.0.2.0/24,::1)",
				   path, text);
	addr_set_free(&set);
	return 0;
}

/* What stands in our MSRP URIs: an address, or a name that UEs resolve. */
static bool is_host(struct slice text)
{
	static const char name[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	struct addr at;
	size_t n = 0;

	while (n < text.len && strchr(name, text.ptr[n]))
		n++;
	return n == text.len || addr_from_host(text, 0, &at) == 0;
}

static int check_places(const struct options *o, const struct check *c)
{
	char why[PLACES_WHY_SIZE];
	struct places p;
	int err = places_read(o->msrp_address, o->msrp_advertise, &p, why);

	places_fini(&p);
	return err == 0 ? 0 : check_wrong(c, "%s", why);
}

/* One origin as browsers write it: scheme://host, or scheme://host:port. */
static bool is_origin(struct slice text)
{
	ptrdiff_t colon = slice_chr(text, ':');
	struct slice rest = slice_from(text, colon > 0 ? (size_t)colon : text.len);

	return slice_starts(rest, SLICE_LIT("://")) && rest.len > 3 &&
	       slice_chr(slice_from(rest, 3), '/') < 0;
}

static int check_origins(const char *text, const struct check *c)
{
	struct slice list = slice_str(text), item;

	while (slice_next(&list, ',', &item)) {
		item = slice_trim(item);
		if (item.len && !slice_eq_str(item, "*") && !is_origin(item))
			return check_wrong(c,
					   "msrp.ws_origins: " SLICE_FMT
					   " is no origin (such as https://chat.example.com)",
					   SLICE_ARG(item));
	}
	return 0;
}

static int check_tls(const struct options *o, const struct check *c)
{
	struct tls_settings set = {o->tls_certificate, o->tls_key, .ask_peer = true,
				   .ca = o->tls_ca};
	char why[TLS_WHY_SIZE];
	struct tls *tls;

	if (!o->tls_certificate[0] != !o->tls_key[0])
		return check_wrong(c, "tls.certificate, tls.key: one needs the other");
	if (o->tls_verify != TLS_VERIFY_FINGERPRINT && !o->tls_ca[0])
		return check_wrong(c, "tls.verify: needs tls.ca");
	if (!o->tls_certificate[0] && !o->tls_ca[0])
		return 0;
	if (tls_new(&set, &tls, why))
		return check_wrong(c, "tls.certificate, tls.key, tls.ca: %s", why);
	tls_free(&tls);
	return 0;
}

/* The way to an MRFC of another machine. */
static int check_connect(const struct options *o, const struct check *c)
{
	const struct check_link link = {
		"mp", "mp.connect", "the MRFC", o->mp_tls_certificate, o->mp_tls_key, o->mp_pins};
	struct addr at;

	if (!o->mp_connect[0])
		return 0;
	if (addr_parse(slice_str(o->mp_connect), &at) != 0 || !addr_port(&at))
		return check_wrong(c, "mp.connect: '%s' is no numeric HOST:PORT", o->mp_connect);
	return check_tls_link(c, &link);
}

static int check_websocket(const struct options *o, const struct check *c)
{
	struct slice host;
	struct addr at;
	uint16_t port;

	if (addr_from_host(slice_str(o->ws_address), 0, &at) != 0 || !addr_is_loopback(&at))
		return check_wrong(c, "msrp.ws_address: %s is no numeric loopback address",
				   o->ws_address);
	if (o->wss_advertise[0] &&
	    (addr_split(slice_str(o->wss_advertise), &host, &port) != 0 || !is_host(host)))
		return check_wrong(c, "msrp.wss_advertise: %s is no HOST:PORT", o->wss_advertise);
	return check_origins(o->ws_origins, c);
}

/* Listeners at the same addresses; 0 is a free port for each. */
static int check_ports(const struct options *o, const struct check *c)
{
	const struct {
		const char *name;
		int64_t port;
	} doors[] = {{"msrp.port", o->msrp_port},
		     {"msrp.tls_port", o->msrp_tls_port},
		     {"msrp.wss_port", o->wss_port}};

	for (size_t i = 0; i < ARRAY_LEN(doors); i++) {
		for (size_t k = i + 1; k < ARRAY_LEN(doors); k++) {
			if (doors[i].port > 0 && doors[i].port == doors[k].port)
				return check_wrong(c, "%s: %lld is %s, too", doors[k].name,
						   (long long)doors[k].port, doors[i].name);
		}
	}
	return 0;
}

/* It stands in paths of the admin API, in labels of metrics and in log lines. */
static int check_id(const char *id, const struct check *c)
{
	if (id[0] == '\0')
		return check_wrong(c, "mp.id: empty; each MRFP needs a name of its own");
	for (const char *at = id; *at != '\0'; at++) {
		if (*at <= ' ' || *at > '~' || *at == '"' || *at == '\\')
			return check_wrong(c,
					   "mp.id: '%s': printable ASCII without blanks and quotes "
					   "is expected",
					   id);
	}
	return 0;
}

int options_check(const struct options *o, struct config_error *error_r)
{
	const struct check c = {error_r->text, sizeof(error_r->text)};
	int err = check_places(o, &c);

	if (err == 0)
		err = check_networks("msrp.connect_allow", o->connect_allow, &c);
	if (err == 0)
		err = check_networks("msrp.trusted_media", o->trusted_media, &c);
	if (err == 0)
		err = check_tls(o, &c);
	if (err == 0)
		err = check_websocket(o, &c);
	if (err == 0)
		err = check_ports(o, &c);
	if (err == 0 && o->admin_port >= 0)
		err = check_admin(&c, o->admin_address, o->admin_token_file);
	if (err == 0)
		err = check_id(o->mp_id, &c);
	if (err == 0)
		err = check_connect(o, &c);
	return err == 0 ? check_socket(&c, "mp.socket", o->mp_socket) : err;
}

void options_fit(struct options *o)
{
	if (o->high_water > o->log_bytes / 2)
		o->high_water = o->log_bytes / 2; /* pause before legs are cut */
	if (o->chat_water > o->log_bytes / 4 * 3)
		o->chat_water = o->log_bytes / 4 * 3;
	if (o->chat_water < o->high_water)
		o->chat_water = o->high_water; /* bulk waits first */
	if (o->slow == SLOW_CUT)
		o->chat_water = INT64_MAX;
	if (o->stall_ms > o->grace_ms)
		o->stall_ms = o->grace_ms;
}
