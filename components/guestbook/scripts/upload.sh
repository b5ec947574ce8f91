# Uploads the backup under today's time, then deletes the backups that are older than they have to be. Their names are times,
# so they sort as such; objects with other names are not ours.
format=+%Y-%m-%dT%H-%M-%SZ
oci os object put --namespace "$NAMESPACE" --bucket-name "$BUCKET" --name "$(date -u "$format").archive.gz" --file /work/backup
oldest=$(date -u -d "-$KEEP_DAYS days" "$format")
list=$(oci os object list --namespace "$NAMESPACE" --bucket-name "$BUCKET" --all --query 'data[].name')
ours='^"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}Z\.archive\.gz)",?$' # a line of the list
while read -r line; do
  if [[ $line =~ $ours && ${BASH_REMATCH[1]} < $oldest ]]; then
    oci os object delete --namespace "$NAMESPACE" --bucket-name "$BUCKET" --name "${BASH_REMATCH[1]}" --force < /dev/null
  fi
done <<< "$list"
