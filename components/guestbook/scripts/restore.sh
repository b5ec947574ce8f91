# Loads the backup in place of what the guestbook's collections hold.
printf 'password: %s\n' "$(cat "$PASSWORD")" > /tmp/auth.yaml
mongorestore --config=/tmp/auth.yaml --uri="$MONGODB_URI" --username=backup --authenticationDatabase=admin \
  --nsInclude='guestbook.*' --drop --gzip --archive=/work/backup
