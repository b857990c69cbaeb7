/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers known by name instead of by fingerprint: their chain against authorities of ours, dates,
 * purpose and key strength (RFC 5280 6), then an alternative name against the host of their MSRP URI
 * (RFC 4975 5.4; RFC 6125 6.4, RFC 5922 7.1 without wildcards). Revocation is not looked at.
 */
#include "common/tls_ca.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/mem.h"
#include "common/tls_why.h"

#define AUTH_LEVEL     2 /* OpenSSL's: 112 bits, no SHA-1 */
#define DEPTH          8
#define HOST_SIZE      256
#define ADDRESS_OCTETS 16

int tls_ca_load(const char *file, X509_STORE **store_r, char why[TLS_WHY_SIZE])
{
	X509_STORE *store = X509_STORE_new();

	ERR_clear_error();
	if (store && X509_STORE_load_file(store, file) == 1) {
		ERR_clear_error();
		*store_r = store;
		return 0;
	}
	X509_STORE_free(store);
	return tls_file_failed(why, "authorities", file);
}

static struct slice text_of(const ASN1_IA5STRING *s)
{
	return slice_make((const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

/* The host of "sip:HOST", "sips:HOST", "msrps://HOST..." without a user; empty: none. */
static struct slice host_of(struct slice uri)
{
	static const struct slice schemes[] = {SLICE_LIT("sip:"), SLICE_LIT("sips:"),
					       SLICE_LIT("msrps://"), SLICE_LIT("im:")};
	struct slice rest = {NULL, 0};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(schemes) && !rest.ptr; i++) {
		if (uri.len > schemes[i].len &&
		    slice_ieq(slice_first(uri, schemes[i].len), schemes[i]))
			rest = slice_from(uri, schemes[i].len);
	}
	if (slice_chr(rest, '@') >= 0)
		return slice_make(NULL, 0);
	if (rest.len && rest.ptr[0] == '[') {
		ptrdiff_t end = slice_chr(rest, ']');

		return end < 0 ? slice_make(NULL, 0) : slice_make(rest.ptr + 1, (size_t)end - 1);
	}
	while (n < rest.len && !strchr(":/;?", rest.ptr[n]))
		n++;
	return slice_first(rest, n);
}

static bool has_address(X509 *cert, const struct addr *at)
{
	const unsigned char *octets = (const unsigned char *)&at->in4.sin_addr;
	size_t len = 4;

	if (at->sa.sa_family == AF_INET6) {
		octets = at->in6.sin6_addr.s6_addr;
		len = ADDRESS_OCTETS;
	}
	return X509_check_ip(cert, octets, len, 0) == 1;
}

static bool has_dns_name(X509 *cert, struct slice host)
{
	return X509_check_host(cert, host.ptr, host.len,
			       X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
			       NULL) == 1;
}

static bool has_uri(X509 *cert, struct slice host)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		found = name->type == GEN_URI &&
			slice_ieq(host_of(text_of(name->d.uniformResourceIdentifier)), host);
	}
	GENERAL_NAMES_free(names);
	return found;
}

bool tls_ca_names(X509 *cert, struct slice host)
{
	struct addr at;

	/* A leading dot would mean any name below. */
	if (!host.len || host.len >= HOST_SIZE || host.ptr[0] == '.' ||
	    memchr(host.ptr, '\0', host.len))
		return false;
	if (addr_from_host(host, 0, &at) == 0)
		return has_address(cert, &at) || has_uri(cert, host);
	return has_dns_name(cert, host) || has_uri(cert, host);
}

static const char *chain_problem(X509_STORE *store, X509 *cert, STACK_OF(X509) * shown, bool client)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	const char *problem = NULL;

	if (!ctx || X509_STORE_CTX_init(ctx, store, cert, shown) != 1)
		abort(); /* out of memory */
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	X509_VERIFY_PARAM_set_depth(param, DEPTH);
	(void)X509_VERIFY_PARAM_set_purpose(param, client ? X509_PURPOSE_SSL_CLIENT
							  : X509_PURPOSE_SSL_SERVER);
	if (X509_verify_cert(ctx) != 1)
		problem = X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return problem;
}

/* All of them; the caller frees. */
static STACK_OF(X509) * certificates(struct slice der)
{
	const unsigned char *at = (const unsigned char *)der.ptr, *end = at + der.len;
	STACK_OF(X509) *all = sk_X509_new_null();
	X509 *cert = NULL;

	if (!all)
		abort(); /* out of memory */
	do {
		cert = at < end ? d2i_X509(NULL, &at, end - at) : NULL;
	} while (cert && sk_X509_push(all, cert) > 0);
	return all;
}

const char *tls_ca_problem(X509_STORE *store, struct slice shown, bool client, struct slice host)
{
	STACK_OF(X509) *all = certificates(shown);
	X509 *cert = sk_X509_value(all, 0);
	const char *problem = cert ? chain_problem(store, cert, all, client) : "no certificate";

	if (!problem && !tls_ca_names(cert, host))
		problem = "its certificate has another name";
	sk_X509_pop_free(all, X509_free);
	ERR_clear_error();
	return problem;
}
