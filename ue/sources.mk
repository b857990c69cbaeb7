# SPDX-License-Identifier: Apache-2.0
# mrfue_wait is in the library for its test.
UE_SRC := \
	ue/mrfue_wait.c \
	ue/ue.c \
	ue/ue_crypto.c \
	ue/ue_crypto_alone.c \
	ue/ue_crypto_body.c \
	ue/ue_digest.c \
	ue/ue_file.c \
	ue/ue_file_call.c \
	ue/ue_file_seal.c \
	ue/ue_held.c \
	ue/ue_inbox.c \
	ue/ue_kept.c \
	ue/ue_key.c \
	ue/ue_keyserver.c \
	ue/ue_keyring.c \
	ue/ue_marks.c \
	ue/ue_media.c \
	ue/ue_msrp.c \
	ue/ue_msrp_in.c \
	ue/ue_names.c \
	ue/ue_outbox.c \
	ue/ue_part.c \
	ue/ue_push.c \
	ue/ue_receipts.c \
	ue/ue_records.c \
	ue/ue_replay.c \
	ue/ue_roster.c \
	ue/ue_say.c \
	ue/ue_sdp.c \
	ue/ue_seal.c \
	ue/ue_seal_in.c \
	ue/ue_seal_push.c \
	ue/ue_serve.c \
	ue/ue_signals.c \
	ue/ue_sip.c \
	ue/ue_sip_auth.c \
	ue/ue_sip_call.c \
	ue/ue_sip_conf.c \
	ue/ue_smime.c \
	ue/ue_state.c \
	ue/ue_times.c \
	ue/ue_typing.c
MRFUE_SRC := \
	ue/mrfue_cmd.c \
	ue/mrfue_events.c \
	ue/mrfue_file.c \
	ue/mrfue_in.c \
	ue/mrfue_main.c \
	ue/mrfue_options.c \
	ue/mrfue_out.c \
	ue/mrfue_push.c \
	ue/mrfue_sign.c
SOFIA_SRC += $(filter ue/ue_sip%,$(UE_SRC))
UNIT_TESTS += mrfue_wait ue_crypto ue_crypto_body ue_digest ue_key ue_inbox ue_msrp ue_names ue_outbox ue_receipts ue_roster ue_typing
UNIT_TESTS += ue_held ue_part ue_records ue_replay
UNIT_TESTS += ue_kept ue_keyring ue_keyserver ue_smime ue_times
UNIT_TESTS += ue_crypto_alone ue_marks ue_state
