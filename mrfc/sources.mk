MRFC_SRC :=
MRFCTL_SRC :=
# Conference state and policy.
MRFC_SRC += mrfc/nickname.c mrfc/roster.c mrfc/roster_doc.c
