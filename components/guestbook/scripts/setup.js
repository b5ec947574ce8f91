// Runs in mongosh on the first member, which is the only one that can have data before there is a replica set. Every step
// finds out whether it has been done, so that the script may run any number of times.
const fs = require("fs");
const secret = (file) => fs.readFileSync(`${process.env.SECRETS}/${file}`, "utf8").trim();
const host = (i) => `mongo-${i}.mongo:27017`;
const wanted = [...Array(Number(process.env.REPLICAS)).keys()].map(host);

function waitFor(what, condition) {
  const deadline = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`${what}: not within 60 s`);
    sleep(500);
  }
}

const root = db.getSiblingDB("admin");
root.auth("root", secret("root-password"));

let config = null;
try {
  config = rs.conf();
} catch (e) {
  if (e.codeName !== "NotYetInitialized") throw e;
  rs.initiate({ _id: "rs0", members: [{ _id: 0, host: host(0) }] });
}
if (config && config.members.length > wanted.length) {
  // The others may have gone already, and their votes with them.
  config.members = config.members.filter((m) => wanted.includes(m.host));
  config.version++;
  rs.reconfig(config, { force: true });
}
waitFor("a primary", () => db.hello().primary);

// Users and members are written on the primary, which another member may have become.
const admin = new Mongo(`mongodb://root:${secret("root-password")}@${db.hello().primary}/admin`).getDB("admin");
const known = admin.runCommand({ replSetGetConfig: 1 }).config;
for (const [i, member] of wanted.entries()) {
  if (known.members.some((m) => m.host === member)) continue;
  // One at a time: that is all that a replica set takes, and each has to catch up before it counts.
  known.members.push({ _id: i, host: member });
  known.version++;
  const answer = admin.runCommand({ replSetReconfig: known });
  if (!answer.ok) throw new Error(`adding ${member}: ${answer.errmsg}`);
  waitFor(`${member} catching up`, () =>
    admin.runCommand({ replSetGetStatus: 1 }).members.some((m) => m.name === member && m.stateStr === "SECONDARY"),
  );
}

for (const [user, file, roles] of [
  ["guestbook", "password", [{ role: "readWrite", db: "guestbook" }]],
  ["backup", "backup-password", ["backup", "restore"]],
]) {
  if (admin.getUser(user)) {
    admin.updateUser(user, { pwd: secret(file), roles });
  } else {
    admin.createUser({ user, pwd: secret(file), roles });
  }
}
