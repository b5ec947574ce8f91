// Runs in mongosh on the first member, before there are any users but root. Every step finds out whether it has been done.
const fs = require("fs");
const secret = (file) => fs.readFileSync(`${process.env.SECRETS}/${file}`, "utf8").trim();
const replicas = Number(process.env.REPLICAS);
const admin = db.getSiblingDB("admin");

admin.auth("root", secret("root-password"));

if (replicas > 1) {
  const members = [...Array(replicas).keys()].map((i) => ({ _id: i, host: `mongo-${i}.mongo:27017` }));
  let known = true;
  try {
    rs.status();
  } catch (e) {
    if (e.codeName !== "NotYetInitialized") throw e;
    known = false;
  }
  if (!known) rs.initiate({ _id: "rs0", members });
  const deadline = Date.now() + 60_000;
  while (!db.hello().primary) {
    if (Date.now() > deadline) throw new Error("the replica set has no primary after 60 s");
    sleep(500);
  }
}

// Users are written on the primary, which another member may have become.
const primary = replicas > 1 ? new Mongo(`mongodb://root:${secret("root-password")}@${db.hello().primary}/admin`).getDB("admin") : admin;
for (const [user, file, roles] of [
  ["guestbook", "password", [{ role: "readWrite", db: "guestbook" }]],
  ["backup", "backup-password", ["backup", "restore"]],
]) {
  if (primary.getUser(user)) {
    primary.updateUser(user, { pwd: secret(file), roles });
  } else {
    primary.createUser({ user, pwd: secret(file), roles });
  }
}
