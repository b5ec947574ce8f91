// Stands in for mongosh and a replica set of MEMBERS (JSON; null for none), its primary PRIMARY and the users USERS.
// It prints the script's commands. FAIL names a command that is refused.
const initial = JSON.parse(process.env.MEMBERS);
let config = initial && { version: 1, members: initial.map((host, _id) => ({ _id, host })) };
const users = process.env.USERS.split(" ");
const refused = (command) => process.env.FAIL === command;
const hosts = (c) => c.members.map((m) => `${m._id}=${m.host}`).join(" ");
const joining = new Set();

function reconfigure(next, how) {
  console.log(`${how} ${hosts(next)}`);
  const added = next.members.filter((m) => !config.members.some((old) => old.host === m.host));
  if (refused(how) || next.version <= config.version || added.length > 1 || joining.size) {
    return { ok: 0, errmsg: "refused" };
  }
  added.forEach((m) => joining.add(m.host));
  config = structuredClone(next);
  return { ok: 1 };
}

function status() {
  // A new member is reported as starting once, then as caught up.
  const state = (host) => (joining.delete(host) ? "STARTUP2" : "SECONDARY");
  return { members: config.members.map((m) => ({ name: m.host, stateStr: state(m.host) })) };
}

const admin = {
  auth: (user, password) => console.log(`auth ${user} ${password}`),
  getUser: (user) => (users.includes(user) ? { user } : null),
  createUser: ({ user, pwd, roles }) => console.log(`create ${user} ${pwd} ${JSON.stringify(roles)}`),
  updateUser: (user, { pwd, roles }) => console.log(`update ${user} ${pwd} ${JSON.stringify(roles)}`),
  runCommand: (command) =>
    command.replSetReconfig ? reconfigure(command.replSetReconfig, "reconfigure")
    : command.replSetGetStatus ? status()
    : { config: structuredClone(config) },
};

Object.assign(globalThis, {
  sleep: () => {},
  db: { getSiblingDB: () => admin, hello: () => ({ primary: config && process.env.PRIMARY }) },
  rs: {
    conf: () => {
      if (refused("conf")) throw Object.assign(new Error("not allowed"), { codeName: "Unauthorized" });
      if (!config) throw Object.assign(new Error("no replica set"), { codeName: "NotYetInitialized" });
      return structuredClone(config);
    },
    initiate: (first) => {
      console.log(`initiate ${first._id} ${hosts(first)}`);
      config = { version: 1, members: first.members };
    },
    reconfig: (next, { force }) => reconfigure(next, force ? "force" : "reconfigure"),
  },
  Mongo: function (uri) {
    console.log(`connect ${uri}`);
    return { getDB: () => admin };
  },
});
