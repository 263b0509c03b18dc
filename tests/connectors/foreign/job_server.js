// npm node-opcua-server with the OPC Foundation's own nodeset of ISA-95 job control, version 2: a machine that
// takes orders, works on the one it is told to (a line of standard input), and reports. With "listless" it has no
// JobOrderResponseList and answers nothing: it tells by events alone.
const { OPCUAServer } = require("node-opcua-server");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const path = require("path");
const { nodesets } = require("node-opcua-nodesets");
const { DataType, Variant, VariantArrayType } = require("node-opcua-variant");
const { MessageSecurityMode, SecurityPolicy } = require("node-opcua-secure-channel");
const { StatusCodes } = require("node-opcua-status-code");

const URI = "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/";
const NUMBERS = { Running: 3, Interrupted: 4, Ended: 5 };

async function main(port, listless) {
  const server = new OPCUAServer({
    port,
    hostname: "127.0.0.1",
    resourcePath: "/machine",
    nodeset_filename: [nodesets.standard, nodesets.isa95JobControl],
    serverCertificateManager: new OPCUACertificateManager({
      rootFolder: path.join(process.env.XDG_CONFIG_HOME, "pki"),
      automaticallyAcceptUnknownCertificate: true,
    }),
    securityModes: [MessageSecurityMode.None],
    securityPolicies: [SecurityPolicy.None],
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  const companion = space.getNamespaceIndex(URI);
  const own = space.registerNamespace("urn:foreign:jobs");
  const make = (type, name, optionals, eventNotifier = 0) =>
    space.findObjectType(type, companion).instantiate({
      organizedBy: space.rootFolder.objects,
      browseName: name,
      namespace: own,
      nodeId: `s=${name}`,
      optionals,
      eventNotifier,
    });
  const receiver = make("ISA95JobOrderReceiverObjectType", "Orders", ["Store", "StoreAndStart", "Cancel"]);
  const provider = make("ISA95JobResponseProviderObjectType", "Results", listless ? [] : ["JobOrderResponseList"], 1);
  // That of the standard is abstract
  const told = own.addEventType({
    browseName: "JobToldEventType",
    subtypeOf: space.findEventType("ISA95JobOrderStatusEventType", companion),
  });
  const orders = new Map();
  const answer = (status) => ({
    statusCode: StatusCodes.Good,
    outputArguments: [new Variant({ dataType: DataType.UInt64, arrayType: VariantArrayType.Scalar, value: [0, status] })],
  });
  receiver.getMethodByName("StoreAndStart").bindMethod(async (given, _context) => {
    const order = given[0].value;
    if (orders.has(order.jobOrderID)) return answer(1 << 4);
    orders.set(order.jobOrderID, {});
    const [material] = order.materialRequirements;
    const unit = material.engineeringUnits.displayName.text;
    const said = given[1].value.map((text) => text.text).join();
    console.log(
      ["took", order.jobOrderID, material.materialDefinitionID, material.quantity, unit, order.priority,
        order.startTime.toISOString(), order.description[0].text, said].join(" ")
    );
    return answer(1);
  });
  receiver.getMethodByName("Cancel").bindMethod(async (given, _context) => answer(orders.delete(given[0].value) ? 1 : 1 << 1));
  const type = (name) => space.findDataType(name, companion);
  const stateOf = (held) => [
    space.constructExtensionObject(type("ISA95StateDataType"), {
      browsePath: null, stateText: { text: held.state }, stateNumber: NUMBERS[held.state],
    }),
  ];
  const response = ([jobOrderID, held]) =>
    space.constructExtensionObject(type("ISA95JobResponseDataType"), {
      jobResponseID: `R-${jobOrderID}`,
      jobOrderID,
      startTime: held.startTime,
      endTime: held.endTime,
      jobState: stateOf(held),
    });
  const tell = (code) => {
    const list = provider.getComponentByName("JobOrderResponseList");
    const value = [...orders].filter(([, held]) => held.startTime).map(response);
    const dataType = DataType.ExtensionObject;
    if (list) list.setValueFromSource(new Variant({ dataType, arrayType: VariantArrayType.Array, value }));
    if (!code) return;
    provider.raiseEvent(told, {
      jobOrder: { dataType, value: space.constructExtensionObject(type("ISA95JobOrderDataType"), { jobOrderID: code }) },
      jobState: { dataType, arrayType: VariantArrayType.Array, value: stateOf(orders.get(code)) },
      jobResponse: { dataType, value: response([code, orders.get(code)]) },
    });
  };
  tell();
  await server.start();
  console.log("ready");
  const lines = require("readline").createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const [state, code, at] = line.split(" ");
    const held = orders.get(code);
    held.state = state;
    held[state === "Ended" ? "endTime" : "startTime"] = new Date(at);
    tell(code);
    console.log("done");
  });
  lines.on("close", () => process.exit(0));
}

main(Number(process.argv[process.argv.length - 1]), process.argv[2] === "listless");
