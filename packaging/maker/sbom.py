"""The bill of what is inside, CycloneDX 1.6 as JSON (ECMA-424), for who must know whether a flaw concerns a site."""

import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from .parts import Kind, Part

SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "tiepdon:sbom")
PURLS: dict[Kind, tuple[str, str | None]] = {
    "pypi": ("pypi", None),
    "npm": ("npm", None),
    "font": ("generic", None),
    "deb": ("deb", "debian"),
}


def bill(version: str, architecture: str, parts: Iterable[Part], depends: Iterable[str], moment: int) -> str:
    """The bill of one package, the same for the same parts. `depends`: Debian packages that it needs beside it."""
    licences = LicenseFactory()
    product = Component(
        name="tiepdon",
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref="tiepdon",
        licenses=[licences.make_with_expression("Apache-2.0")],
        purl=PackageURL("deb", "debian", "tiepdon", version, {"arch": architecture}),
    )
    bom = Bom(serial_number=uuid.uuid5(SPACE, f"{version} {architecture} {moment}"))
    bom.metadata.component = product
    bom.metadata.timestamp = datetime.fromtimestamp(moment, UTC)
    components = [_bundled(part, licences) for part in parts] + [_beside(name) for name in depends]
    for component in components:
        bom.components.add(component)
    bom.register_dependency(product, components)
    return json.dumps(json.loads(JsonV1Dot6(bom).output_as_string()), indent=1, sort_keys=True) + "\n"


def _bundled(part: Part, licences: LicenseFactory) -> Component:
    kind, space = PURLS[part.kind]
    purl = PackageURL(kind, space, part.name.replace(" ", "-").lower(), part.version)
    return Component(
        name=part.name,
        version=part.version,
        type=ComponentType.FILE if part.kind == "font" else ComponentType.LIBRARY,
        bom_ref=str(purl),
        licenses=[licences.make_from_string(part.licence)],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in part.digests],
        purl=purl,
        copyright=part.holder,
        scope=ComponentScope.REQUIRED,
    )


def _beside(name: str) -> Component:
    purl = PackageURL("deb", "debian", name)
    return Component(name=name, type=ComponentType.LIBRARY, bom_ref=str(purl), purl=purl, scope=ComponentScope.REQUIRED)
