# Fetches the backup that is to be loaded.
oci os object get --namespace "$NAMESPACE" --bucket-name "$BUCKET" --name "$OBJECT" --file /work/backup
