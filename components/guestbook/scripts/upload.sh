# Uploads the backup under today's time, then deletes what is older than it has to be. Names are times, so they sort as such.
format=+%Y-%m-%dT%H-%M-%SZ
oci os object put --namespace "$NAMESPACE" --bucket-name "$BUCKET" --name "$(date -u "$format").archive.gz" --file /work/backup
oldest=$(date -u -d "-$KEEP_DAYS days" "$format")
names=$(oci os object list --namespace "$NAMESPACE" --bucket-name "$BUCKET" --all --query 'data[].name' | tr -d '[]",')
for name in $names; do
  if [[ $name == *.archive.gz && $name < $oldest ]]; then
    oci os object delete --namespace "$NAMESPACE" --bucket-name "$BUCKET" --name "$name" --force
  fi
done
