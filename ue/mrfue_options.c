/* SPDX-License-Identifier: Apache-2.0 */
/* Command line of the chat client. */
#include "ue/mrfue.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/daemon.h"
#include "common/mem.h"
#include "proto/sip_uri.h"

static const char usage[] =
	"usage: mrfue --as URI [OPTION]... join URI\n"
	"       mrfue --as URI [OPTION]... wait\n"
	"  --as URI           your public identity, such as sip:alice@example.com\n"
	"  --name TEXT        display name\n"
	"  --user NAME        who answers digest challenges (the user part of --as)\n"
	"  --password-file FILE  with his password in its first line\n"
	"  --proxy HOST:PORT  where SIP requests go (127.0.0.1:5060)\n"
	"  --listen HOST:PORT where SIP is received (a free port on loopback)\n"
	"  --transport udp|tcp\n"
	"  --tls              messages over TLS, or not at all\n"
	"  --tls-psk          there known by a key that comes of --key-file, if the switch knows it\n"
	"  --key-file FILE    your key for sealed conferences, as mrfctl key add wrote it\n"
	"  --serve-keys FILE  in conferences of yours: make the keys, for the members in FILE\n"
	"                     (lines of URI, ID and 64 hex digits)\n"
	"  --serve-times FILE keep there what must not go back over a restart of yours\n"
	"  --require-e2e      no part in conferences that are not sealed\n"
	"  --cipher aes128|aes256  what you say is sealed with (aes128)\n"
	"  --sign-cert FILE --sign-key FILE  sign what you say in sealed conferences\n"
	"  --cert URI=FILE    whose signatures to believe, and whom to tell what in private; once for each\n"
	"  --state FILE       keep there what was seen, so that it is no news after a restart\n"
	"  --suite a|b        of key requests, as the conference has it (b)\n"
	"  --setup active|passive  our role when an offer leaves the choice (active)\n"
	"  --download DIR     keep received files there\n"
	"  --script FILE      read commands from FILE (- for standard input), enables /wait\n"
	"  --timeout SECONDS  longest /wait and call set-up (30)\n"
	"  --json             one JSON object a line\n"
	"  --imdn             ask who gets and reads what you say\n"
	"  --receipts none|delivery|display  what to tell those who ask (display)\n"
	"  --no-subscribe     do not watch the conference's state\n"
	"  -h, --help  -V, --version\n"
	"Then type a line to say it; /help lists the commands. See mrfue(1).\n";

enum {
	O_AS = 256,
	O_NAME,
	O_USER,
	O_PASSWORD_FILE,
	O_PROXY,
	O_LISTEN,
	O_TRANSPORT,
	O_TLS,
	O_TLS_PSK,
	O_KEY_FILE,
	O_SERVE_KEYS,
	O_SERVE_TIMES,
	O_REQUIRE_E2E,
	O_CIPHER,
	O_SUITE,
	O_SIGN_CERT,
	O_SIGN_KEY,
	O_CERT,
	O_STATE,
	O_CLOCK_OFFSET,
	O_SETUP,
	O_DOWNLOAD,
	O_SCRIPT,
	O_TIMEOUT,
	O_JSON,
	O_IMDN,
	O_RECEIPTS,
	O_NO_SUBSCRIBE
};

static const struct option long_options[] = {
	{"as", required_argument, NULL, O_AS},
	{"name", required_argument, NULL, O_NAME},
	{"user", required_argument, NULL, O_USER},
	{"password-file", required_argument, NULL, O_PASSWORD_FILE},
	{"proxy", required_argument, NULL, O_PROXY},
	{"listen", required_argument, NULL, O_LISTEN},
	{"transport", required_argument, NULL, O_TRANSPORT},
	{"tls", no_argument, NULL, O_TLS},
	{"tls-psk", no_argument, NULL, O_TLS_PSK},
	{"key-file", required_argument, NULL, O_KEY_FILE},
	{"serve-keys", required_argument, NULL, O_SERVE_KEYS},
	{"serve-times", required_argument, NULL, O_SERVE_TIMES},
	{"require-e2e", no_argument, NULL, O_REQUIRE_E2E},
	{"cipher", required_argument, NULL, O_CIPHER},
	{"suite", required_argument, NULL, O_SUITE},
	{"sign-cert", required_argument, NULL, O_SIGN_CERT},
	{"sign-key", required_argument, NULL, O_SIGN_KEY},
	{"cert", required_argument, NULL, O_CERT},
	{"state", required_argument, NULL, O_STATE},
	{"clock-offset", required_argument, NULL, O_CLOCK_OFFSET},
	{"setup", required_argument, NULL, O_SETUP},
	{"download", required_argument, NULL, O_DOWNLOAD},
	{"script", required_argument, NULL, O_SCRIPT},
	{"timeout", required_argument, NULL, O_TIMEOUT},
	{"json", no_argument, NULL, O_JSON},
	{"imdn", no_argument, NULL, O_IMDN},
	{"receipts", required_argument, NULL, O_RECEIPTS},
	{"no-subscribe", no_argument, NULL, O_NO_SUBSCRIBE},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static int complain(const char *option, const char *value, const char *allowed)
{
	fprintf(stderr, "mrfue: %s: '%s' is not %s\n", option, value, allowed);
	return EXIT_USAGE;
}

static int is_sip(const char *text)
{
	struct sip_uri uri;

	return sip_uri_parse(slice_str(text), &uri) == 0 && uri.user.len > 0 &&
	       (uri.scheme == SIP_URI_SIP || uri.scheme == SIP_URI_SIPS);
}

static bool is_printable(struct slice text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (((unsigned char)text.ptr[i] < 0x20 && text.ptr[i] != '\t') ||
		    text.ptr[i] == 0x7f)
			return false;
	return slice_is_utf8(text);
}

static int set_timeout(const char *text, uint32_t *ms_r)
{
	uint64_t s;

	if (slice_u64(slice_str(text), 86400, &s) < 0 || s == 0)
		return complain("--timeout", text, "a number of seconds (1..86400)");
	*ms_r = (uint32_t)(s * 1000);
	return -1;
}

static int set_answers(const char *text, enum ue_answers *answers_r)
{
	static const char *const names[] = {"none", "delivery", "display"};
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*answers_r = (enum ue_answers)i;
			return -1;
		}
	return complain("--receipts", text, "none, delivery or display");
}

static int take_security(int c, struct mrfue_options *o)
{
	bool aes256 = c == O_CIPHER && strcmp(optarg, "aes256") == 0;
	bool suite_a = c == O_SUITE && strcmp(optarg, "a") == 0;

	if (c == O_TLS) {
		o->ue.tls = true;
	} else if (c == O_TLS_PSK) {
		o->ue.seal.tls_psk = true;
	} else if (c == O_KEY_FILE) {
		o->ue.seal.key_file = optarg;
	} else if (c == O_SERVE_KEYS) {
		o->ue.serve.keys_file = optarg;
	} else if (c == O_SERVE_TIMES) {
		o->ue.serve.times_file = optarg;
	} else if (c == O_REQUIRE_E2E) {
		o->ue.require_e2e = true;
	} else if (c == O_CIPHER) {
		if (!aes256 && strcmp(optarg, "aes128") != 0)
			return complain("--cipher", optarg, "aes128 or aes256");
		o->ue.seal.cipher = aes256 ? CMS_AES256 : CMS_AES128;
	} else {
		if (!suite_a && strcmp(optarg, "b") != 0)
			return complain("--suite", optarg, "a or b");
		o->ue.seal.suite = suite_a ? GKE_SUITE_A : GKE_SUITE_B;
	}
	return -1;
}

static int take_cert(struct mrfue_options *o)
{
	if (!strchr(optarg, '=') || o->n_certs == MRFUE_CERTS_MAX)
		return complain("--cert", optarg, "URI=FILE, 64 times at most");
	o->certs[o->n_certs++] = optarg;
	return -1;
}

/* Seconds with a sign; ten years are enough for every wrong clock. */
static int take_offset(struct mrfue_options *o)
{
	struct slice text = slice_str(optarg);
	bool behind = slice_istarts(text, SLICE_LIT("-"));
	uint64_t s;

	if (slice_u64(slice_from(text, behind ? 1 : 0), 315360000, &s) < 0)
		return complain("--clock-offset", optarg, "a number of seconds");
	o->ue.seal.clock_off_s = behind ? -(int64_t)s : (int64_t)s;
	return -1;
}

static int take(int c, struct mrfue_options *o)
{
	switch (c) {
	case O_AS:
		o->ue.as = optarg;
		return is_sip(optarg) ? -1 : complain("--as", optarg, "a SIP URI with a user part");
	case O_NAME:
		o->ue.display = optarg;
		return is_printable(slice_str(optarg))
			       ? -1
			       : complain("--name", optarg,
					  "UTF-8 text without control characters");
	case O_USER:
		o->ue.user = optarg;
		return optarg[0] && is_printable(slice_str(optarg))
			       ? -1
			       : complain("--user", optarg,
					  "UTF-8 text without control characters");
	case O_PASSWORD_FILE:
		o->password_file = optarg;
		return -1;
	case O_PROXY:
		o->has_proxy = true;
		return addr_parse(slice_str(optarg), &o->ue.proxy) < 0
			       ? complain("--proxy", optarg, "HOST:PORT with a numeric host")
			       : -1;
	case O_LISTEN:
		o->has_listen = true;
		return addr_parse(slice_str(optarg), &o->ue.listen) < 0
			       ? complain("--listen", optarg, "HOST:PORT with a numeric host")
			       : -1;
	case O_TRANSPORT:
		o->ue.udp = strcmp(optarg, "udp") == 0;
		return o->ue.udp || strcmp(optarg, "tcp") == 0
			       ? -1
			       : complain("--transport", optarg, "udp or tcp");
	case O_TLS:
	case O_TLS_PSK:
	case O_KEY_FILE:
	case O_SERVE_KEYS:
	case O_SERVE_TIMES:
	case O_REQUIRE_E2E:
	case O_CIPHER:
	case O_SUITE:
		return take_security(c, o);
	case O_SIGN_CERT:
		o->sign_cert = optarg;
		return -1;
	case O_SIGN_KEY:
		o->sign_key = optarg;
		return -1;
	case O_CERT:
		return take_cert(o);
	case O_STATE:
		o->state = optarg;
		return -1;
	case O_CLOCK_OFFSET:
		return take_offset(o);
	case O_SETUP:
		o->ue.passive = strcmp(optarg, "passive") == 0;
		return o->ue.passive || strcmp(optarg, "active") == 0
			       ? -1
			       : complain("--setup", optarg, "active or passive");
	case O_DOWNLOAD:
		o->download = optarg;
		return -1;
	case O_SCRIPT:
		o->script = optarg;
		return -1;
	case O_TIMEOUT:
		return set_timeout(optarg, &o->timeout_ms);
	case O_JSON:
		o->json = true;
		return -1;
	case O_IMDN:
		o->ue.ask = true;
		return -1;
	case O_RECEIPTS:
		return set_answers(optarg, &o->ue.answers);
	case O_NO_SUBSCRIBE:
		o->ue.subscribe = false;
		return -1;
	case 'h':
		fputs(usage, stdout);
		return EXIT_OK;
	case 'V':
		puts("mrfue " MRF_VERSION);
		return EXIT_OK;
	default:
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
}

/* What was not given is loopback, of the family of what was: nothing leaves by the other one. */
static int settle_addresses(struct mrfue_options *o)
{
	bool v6 = o->has_proxy ? addr_is_v6(&o->ue.proxy)
			       : o->has_listen && addr_is_v6(&o->ue.listen);

	if (!o->has_proxy &&
	    addr_parse(slice_str(v6 ? "[::1]:5060" : "127.0.0.1:5060"), &o->ue.proxy) < 0)
		return EXIT_RUNTIME;
	if (!o->has_listen &&
	    addr_parse(slice_str(v6 ? "[::1]:0" : "127.0.0.1:0"), &o->ue.listen) < 0)
		return EXIT_RUNTIME;
	if (addr_is_v6(&o->ue.listen) == v6)
		return -1;
	fputs("mrfue: --listen and --proxy must be of one address family\n", stderr);
	return EXIT_USAGE;
}

int mrfue_options(int argc, char **argv, struct mrfue_options *o)
{
	int c, rc;

	*o = (struct mrfue_options){.timeout_ms = 30000};
	o->ue.udp = true;
	o->ue.subscribe = true;
	o->ue.answers = UE_ANSWER_DISPLAY;
	while ((c = getopt_long(argc, argv, "hV", long_options, NULL)) != -1)
		if ((rc = take(c, o)) >= 0)
			return rc;
	if ((rc = settle_addresses(o)) >= 0)
		return rc;
	if (!o->ue.as) {
		fputs("mrfue: --as URI is missing\n", stderr);
		return EXIT_USAGE;
	}
	if (!o->sign_cert != !o->sign_key) {
		fputs("mrfue: --sign-cert and --sign-key go together\n", stderr);
		return EXIT_USAGE;
	}
	if (o->state && !o->ue.seal.key_file && !o->ue.serve.keys_file) {
		fputs("mrfue: --state FILE needs --key-file FILE or --serve-keys FILE\n", stderr);
		return EXIT_USAGE;
	}
	if (o->ue.require_e2e && !o->ue.seal.key_file && !o->ue.serve.keys_file) {
		fputs("mrfue: --require-e2e needs --key-file FILE or --serve-keys FILE\n", stderr);
		return EXIT_USAGE;
	}
	if (o->ue.serve.times_file && !o->ue.serve.keys_file) {
		fputs("mrfue: --serve-times needs --serve-keys FILE\n", stderr);
		return EXIT_USAGE;
	}
	if (optind + 2 == argc && strcmp(argv[optind], "join") == 0) {
		o->uri = argv[optind + 1];
		return is_sip(o->uri) ? -1 : complain("join", o->uri, "a SIP URI with a user part");
	}
	if (optind + 1 == argc && strcmp(argv[optind], "wait") == 0)
		return -1;
	fputs(usage, stderr);
	return EXIT_USAGE;
}
