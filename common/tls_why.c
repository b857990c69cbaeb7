/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a certificate or key file, in words: of a file that is absent OpenSSL says
 * "system lib", of one without anything in PEM form, or with a passphrase, "PEM lib".
 */
#include "common/tls_why.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pemerr.h>
#include <openssl/x509err.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

static const struct {
	int lib, reason;
	const char *text;
} known[] = {
	{ERR_LIB_PEM, PEM_R_BAD_PASSWORD_READ, "it has a passphrase"},
	{ERR_LIB_PEM, PEM_R_PROBLEMS_GETTING_PASSWORD, "it has a passphrase"},
	{ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH, "it is not the certificate's"},
	{ERR_LIB_X509, X509_R_KEY_TYPE_MISMATCH, "it is not the certificate's"},
	{ERR_LIB_PEM, PEM_R_NO_START_LINE, "there is none in it (PEM)"},
	{ERR_LIB_X509, X509_R_NO_CERTIFICATE_OR_CRL_FOUND, "there are none in it (PEM)"},
	{ERR_LIB_OSSL_DECODER, ERR_R_UNSUPPORTED, "there is none in it (PEM)"},
};

static const char *known_reason(unsigned long error)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (ERR_GET_LIB(error) == known[i].lib && ERR_GET_REASON(error) == known[i].reason)
			return known[i].text;
	}
	return NULL;
}

/* The first of the list that we have words for, else its last one in OpenSSL's. */
static const char *library_reason(void)
{
	const char *last = NULL, *ours = NULL;
	unsigned long error;

	while ((error = ERR_get_error()) != 0) {
		last = ERR_reason_error_string(error);
		if (ours == NULL)
			ours = known_reason(error);
	}
	return ours != NULL ? ours : last != NULL ? last : "cannot be used";
}

int tls_file_failed(char why[TLS_WHY_SIZE], const char *what, const char *file)
{
	const char *reason = library_reason();
	struct stat st;

	if (access(file, R_OK) != 0 || stat(file, &st) != 0)
		reason = strerror(errno);
	else if (S_ISDIR(st.st_mode))
		reason = strerror(EISDIR);
	snprintf(why, TLS_WHY_SIZE, "%s %s: %s", what, file, reason);
	return -ERR_CONFIG;
}
