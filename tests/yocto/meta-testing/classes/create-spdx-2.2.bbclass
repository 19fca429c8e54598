# What scarthgap's class of this name leaves of an image for other classes: its document in SPDXIMAGEWORK, with a package
# of the image that contains packages in other documents. What is deployed, an archive of all of them, is not made.

SPDXIMAGEWORK = "${WORKDIR}/spdx/image-work"
do_rootfs[cleandirs] += "${SPDXIMAGEWORK}"
ROOTFS_POSTUNINSTALL_COMMAND =+ "image_combine_spdx"

python image_combine_spdx () {
    import json
    from oe.rootfs import image_list_installed_packages
    name, space = d.getVar("IMAGE_NAME"), "http://spdx.org/spdxdocs/"
    image = {"SPDXID": "SPDXRef-Image-" + name, "name": d.getVar("PN"), "versionInfo": d.getVar("PV"),
             "supplier": "Organization: OpenEmbedded ()", "licenseInfoFromFiles": ["NOASSERTION"]}
    for key in ("downloadLocation", "licenseConcluded", "licenseDeclared", "copyrightText"):
        image[key] = "NOASSERTION"
    document = {"SPDXID": "SPDXRef-DOCUMENT", "spdxVersion": "SPDX-2.2", "dataLicense": "CC0-1.0", "name": name,
                "documentNamespace": space + name, "packages": [image], "externalDocumentRefs": [], "relationships": [],
                "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": ["Person: N/A ()"]}}
    for package in sorted(image_list_installed_packages(d)):
        document["externalDocumentRefs"].append(
            {"externalDocumentId": "DocumentRef-" + package, "spdxDocument": space + package,
             "checksum": {"algorithm": "SHA1", "checksumValue": "a" * 40}})
        document["relationships"].append(
            {"spdxElementId": image["SPDXID"], "relationshipType": "CONTAINS",
             "relatedSpdxElement": "DocumentRef-%s:SPDXRef-Package-%s" % (package, package)})
    with open(d.expand("${SPDXIMAGEWORK}/${IMAGE_NAME}.spdx.json"), "w") as f:
        json.dump(document, f)
}
