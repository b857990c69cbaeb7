/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_CMS_PRIV_H
#define PROTO_CMS_PRIV_H

#include "proto/cms.h"
#include "proto/der.h"

/* Shared by the readers of AuthEnvelopedData: for a group's key (cms.c) and for certificates (cms_signed.c). */

/*
 * The outermost: ContentInfo of AuthEnvelopedData, as far as the recipients. Of what is returned the
 * recipients come next.
 */
MUST_CHECK int cms_take_info(struct der *in, struct der *enveloped_r);
/*
 * A KeyAgreeRecipientInfo (RFC 5652 6.2.2), as far as its public key, a point of P-256. Of what is returned
 * the algorithms come next.
 */
MUST_CHECK int cms_take_agreement(struct der *recipients, struct der *kari_r);
/*
 * What stands behind the recipients, up to the end: the content in AES-GCM under a key of head->cipher, a tag
 * of 16 octets, no attributes.
 */
MUST_CHECK int cms_take_content(struct der *enveloped, struct cms_head *head);

#endif
