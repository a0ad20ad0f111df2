// HL7 receivers that others wrote, on a free port of loopback: node hl7_receivers.cjs NAME [ACKNOWLEDGEMENT CODE]
// Each prints its port, and of every message its handler is given what it read with its own parser, as JSON lines.
"use strict";

const net = require("node:net");

const say = (told) => process.stdout.write(JSON.stringify(told) + "\n");

// They take a fixed port and every address of the machine, and tell nobody when they listen.
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...given) {
  const told = given.find((one) => typeof one === "function") ?? (() => {});
  return listen.call(this, 0, "127.0.0.1", () => {
    say({ port: this.address().port });
    told();
  });
};

const receivers = {
  "simple-hl7"(code) {
    const app = require("simple-hl7").tcp();
    app.use((request, response) => {
      const person = request.msg.getSegment("PID");
      const part = (number) => person.getComponent(5, number).toString();
      say({
        key: request.msg.header.getField(8).toString(),
        event: request.event,
        name: [part(1), part(3), part(2)].filter(Boolean).join(" "),
        born: person.getField(7).toString(),
      });
      response.ack.getSegment("MSA").setField(1, code);
      response.end();
    });
    app.use((error, request, response, next) => {
      say({ failed: String(error) });
      if (response) response.end();
    });
    app.start(1);
  },

  "@medplum/hl7"(code, enhanced) {
    const { Hl7Server } = require("@medplum/hl7");
    const server = new Hl7Server((connection) => {
      connection.addEventListener("message", ({ message }) => {
        const person = message.getSegment("PID");
        const part = (number) => person.getComponent(5, number);
        say({
          key: message.getSegment("MSH").getField(10).toString(),
          event: message.getSegment("MSH").getComponent(9, 2),
          name: [part(1), part(3), part(2)].filter(Boolean).join(" "),
          born: person.getField(7).toString(),
        });
        connection.send(message.buildAck({ ackCode: code }));
      });
      connection.addEventListener("error", ({ error }) => say({ failed: String(error) }));
    });
    server.start(1, "utf-8", enhanced);
  },

  "@medplum/hl7 enhanced"(code) {
    receivers["@medplum/hl7"](code, true);
  },

  "node-hl7-server"(code) {
    const { Server } = require("node-hl7-server");
    new Server({ bindAddress: "127.0.0.1" }).createInbound({ port: 3000 }, async (request, response) => {
      const message = request.getMessage();
      const part = (number) => message.get(`PID.5.${number}`).toString();
      say({
        key: message.get("MSH.10").toString(),
        event: message.get("MSH.9.2").toString(),
        name: [part(1), part(3), part(2)].filter(Boolean).join(" "),
        born: message.get("PID.7").toString(),
      });
      await response.sendResponse(code);
    });
  },
};

const [name, code] = process.argv.slice(2);
process.stdin.on("end", () => process.exit(0)).resume(); // whoever started it has gone
receivers[name](code ?? "AA");
