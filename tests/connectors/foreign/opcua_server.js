// npm node-opcua-server as a machine: two variables that change, one that has bad quality.
const { OPCUAServer } = require("node-opcua-server");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const path = require("path");
const { DataType, Variant } = require("node-opcua-variant");
const { MessageSecurityMode, SecurityPolicy } = require("node-opcua-secure-channel");
const { StatusCodes } = require("node-opcua-status-code");
const { TransferResult } = require("node-opcua-service-subscription");

// With "encrypted" it offers nothing but SignAndEncrypt, and trusts the clients that show themselves.
// With "refusing" nobody gets another session's subscription; with "recording" it keeps what was counted.
async function main(port, kind) {
  const encrypted = kind === "encrypted";
  const server = new OPCUAServer({
    port,
    hostname: "127.0.0.1",
    resourcePath: "/machine",
    allowAnonymous: !encrypted,
    userManager: { isValidUser: (user, password) => user === "mom" && password === "s3cret" },
    serverCertificateManager: new OPCUACertificateManager({
      rootFolder: path.join(process.env.XDG_CONFIG_HOME, "pki"),
      automaticallyAcceptUnknownCertificate: true,
    }),
    securityModes: [encrypted ? MessageSecurityMode.SignAndEncrypt : MessageSecurityMode.None],
    securityPolicies: [encrypted ? SecurityPolicy.Basic256Sha256 : SecurityPolicy.None],
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  const own = space.registerNamespace("urn:foreign:machine");
  const machine = own.addObject({ organizedBy: space.rootFolder.objects, browseName: "Machine" });
  const add = (name, dataType) =>
    own.addVariable({ componentOf: machine, browseName: name, nodeId: `s=${name}`, dataType, minimumSamplingInterval: 10 });
  const count = add("Count", DataType.UInt32);
  const state = add("State", DataType.String);
  const broken = add("Broken", DataType.Double);
  count.setValueFromSource(new Variant({ dataType: DataType.UInt32, value: 0 }));
  state.setValueFromSource(new Variant({ dataType: DataType.String, value: "idle" }));
  broken.setValueFromSource(new Variant({ dataType: DataType.Double, value: 1 }), StatusCodes.BadSensorFailure);
  if (kind === "recording") space.installHistoricalDataNode(count);
  await server.start();
  console.log("ready");
  const go = (last, milliseconds) => {
    let number = 0;
    const timer = setInterval(() => {
      number += 1;
      count.setValueFromSource(new Variant({ dataType: DataType.UInt32, value: number }));
      if (number === last) {
        state.setValueFromSource(new Variant({ dataType: DataType.String, value: "execute" }));
        clearInterval(timer);
      }
    }, milliseconds);
  };
  // Subscriptions stay behind for whoever takes them over
  const forget = () => {
    for (const session of Object.values(server.engine._sessions)) {
      server.engine.closeSession(session.authenticationToken, false, "Forcing");
    }
  };
  if (kind === "refusing") {
    server.engine.transferSubscription = async () => new TransferResult({ statusCode: StatusCodes.BadUserAccessDenied });
  }
  const lines = require("readline").createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const [word, last, milliseconds] = line.split(" ");
    if (word === "forget") forget();
    else go(Number(last || 50), Number(milliseconds || 20));
  });
  lines.on("close", () => process.exit(0));
}

main(Number(process.argv[2]), process.argv[3] || "");
