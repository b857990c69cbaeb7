/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed bodies, bodies sealed to persons and certificates: what is verified or opened stood in the
 * input, what is refused gives nothing out. The two persons are those of the vectors in tests/data.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/cms_signed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char alice_cert[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBmDCCAT2gAwIBAgIUH/pAjqfnp9wzzgjE6TCWxj8lCQUwCgYIKoZIzj0EAwIw\n"
	"EDEOMAwGA1UEAwwFYWxpY2UwHhcNMjYxMTIyMDcyMzIzWhcNMzYxMTE5MDcyMzIz\n"
	"WjAQMQ4wDAYDVQQDDAVhbGljZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDoU\n"
	"Vt5wscyO6nd97vWtANul2G60UyxOH9CkZOLqOwDQxCzWOavvYMWb2A8iShmddJle\n"
	"VH+qB/jLyO2K1h89T/WjdTBzMB8GA1UdIwQYMBaAFNP0tLqcS1n3D6lG9cCVozVB\n"
	"XTOZMA8GA1UdEwEB/wQFMAMBAf8wIAYDVR0RBBkwF4YVc2lwOmFsaWNlQGV4YW1w\n"
	"bGUuY29tMB0GA1UdDgQWBBTT9LS6nEtZ9w+pRvXAlaM1QV0zmTAKBggqhkjOPQQD\n"
	"AgNJADBGAiEAkj8BilTpPgT6DCA7+rtrXLJSPTU2stHbiVyRwz0FDScCIQCU0RaR\n"
	"TQWVpbXPGDldrSIiln9DkG+FiCA+L+dug7cCUQ==\n"
	"-----END CERTIFICATE-----\n";
static const char alice_key[] = "-----BEGIN EC PRIVATE KEY-----\n"
				"MHcCAQEEIHf8TnMavG6z6xwhh4lsIDwfNShhJstHV4SPGCR7ENdqoAoGCCqGSM49\n"
				"AwEHoUQDQgAEOhRW3nCxzI7qd33u9a0A26XYbrRTLE4f0KRk4uo7ANDELNY5q+9g\n"
				"xZvYDyJKGZ10mV5Uf6oH+MvI7YrWHz1P9Q==\n"
				"-----END EC PRIVATE KEY-----\n";
static const char bob_cert[] = "-----BEGIN CERTIFICATE-----\n"
			       "MIIBkTCCATegAwIBAgIUG+YniwBIV4QoySXlkv5DgLaacBgwCgYIKoZIzj0EAwIw\n"
			       "DjEMMAoGA1UEAwwDYm9iMB4XDTI2MTEyMjA3MjMyM1oXDTM2MTExOTA3MjMyM1ow\n"
			       "DjEMMAoGA1UEAwwDYm9iMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESfXpsRsh\n"
			       "GPYy1nbA+2LMFtgHzyHGZ6xSBAZJnxOmgTnHnuqvOuZrSEOk6mEwF7ixT+uTEJCi\n"
			       "1HlGMIOOS9gCKqNzMHEwHwYDVR0jBBgwFoAURPwiu9zPV+ynJezxAS38k1Apussw\n"
			       "DwYDVR0TAQH/BAUwAwEB/zAeBgNVHREEFzAVhhNzaXA6Ym9iQGV4YW1wbGUuY29t\n"
			       "MB0GA1UdDgQWBBRE/CK73M9X7Kcl7PEBLfyTUCm6yzAKBggqhkjOPQQDAgNIADBF\n"
			       "AiEA1QyCxJeBVcAsNrymth9y93a2DXlOWPyQlKwpkUL9ni4CIEWzMJ/POHDsY0p3\n"
			       "PeOL/WhJ6hqzshEoru39RNfSuFaV\n"
			       "-----END CERTIFICATE-----\n";
static const char bob_key[] = "-----BEGIN EC PRIVATE KEY-----\n"
			      "MHcCAQEEIAhzizsFySMI1I+w8YEi11rKaAKc2GZWytNPyrMyblFGoAoGCCqGSM49\n"
			      "AwEHoUQDQgAESfXpsRshGPYy1nbA+2LMFtgHzyHGZ6xSBAZJnxOmgTnHnuqvOuZr\n"
			      "SEOk6mEwF7ixT+uTEJCi1HlGMIOOS9gCKg==\n"
			      "-----END EC PRIVATE KEY-----\n";

static struct cms_signer *alice, *bob;
static struct cms_cert *by_alice;

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void set_up(void)
{
	if (alice)
		return;
	check(cms_signer_new(slice_str(alice_cert), slice_str(alice_key), &alice) == 0);
	check(cms_signer_new(slice_str(bob_cert), slice_str(bob_key), &bob) == 0);
	check(cms_cert_new(slice_str(alice_cert), &by_alice) == 0);
}

static bool contains(struct slice whole, struct slice part)
{
	for (size_t at = 0; at + part.len <= whole.len; at++)
		if (!part.len || memcmp(whole.ptr + at, part.ptr, part.len) == 0)
			return true;
	return false;
}

static void check_signed(struct slice der)
{
	struct bytes content = BYTES_INIT;

	if (cms_verify(der, by_alice, &content) == 0)
		check(contains(der, bytes_slice(&content)));
	else
		check(content.len == 0);
	bytes_fini(&content);
}

/* Bob was not sealed to where she was alone; where both were, both read the same. */
static void check_sealed(struct slice der)
{
	struct bytes hers = BYTES_INIT, his = BYTES_INIT;
	int her_rc = cms_open_mine(der, alice, &hers), his_rc = cms_open_mine(der, bob, &his);

	check(her_rc == 0 ? hers.len <= der.len : hers.len == 0);
	check(his_rc == 0 ? his.len <= der.len : his.len == 0);
	check(her_rc < 0 || his_rc < 0 || slice_eq(bytes_slice(&hers), bytes_slice(&his)));
	bytes_fini(&hers);
	bytes_fini(&his);
}

static void check_cert(struct slice text)
{
	struct cms_cert *cert = NULL;
	uint8_t hash[32];

	if (cms_cert_new(text, &cert) == 0)
		cms_cert_hash(cert, hash);
	else
		check(cert == NULL);
	cms_cert_free(&cert);
}

static void check_key(struct slice text)
{
	struct cms_signer *signer = NULL;

	check(cms_signer_new(slice_str(bob_cert), text, &signer) == 0 || signer == NULL);
	cms_signer_free(&signer);
}

/* The first octet says what it is to be. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_make(data, size);

	set_up();
	if (size == 0)
		return 0;
	if (data[0] == 's')
		check_signed(slice_from(in, 1));
	else if (data[0] == 'e')
		check_sealed(slice_from(in, 1));
	else if (data[0] == 'c')
		check_cert(slice_from(in, 1));
	else if (data[0] == 'k')
		check_key(slice_from(in, 1));
	return 0;
}
