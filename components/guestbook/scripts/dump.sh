# Saves the guestbook's database in one file. The password is read from a file, so that no list of processes shows it.
printf 'password: %s\n' "$(cat "$PASSWORD")" > /tmp/auth.yaml
mongodump --config=/tmp/auth.yaml --uri="$MONGODB_URI" --username=backup --authenticationDatabase=admin \
  --db=guestbook --gzip --archive=/work/backup
