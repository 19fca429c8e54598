SUMMARY = "A recipe that finds another crashsym, one that fails, before the real one"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

FILESEXTRAPATHS:prepend := "${THISDIR}/../plain-program/files:"
SRC_URI = "file://plain.c file://crashsym"
S = "${UNPACKDIR}"

inherit crashdump

do_compile() {
    ${CC} ${CFLAGS} ${LDFLAGS} -o plain plain.c
}

do_install() {
    install -d ${D}${bindir}
    install -m 0755 plain ${D}${bindir}/failing-tool
}

# raise or kill, see files/crashsym
FAILING_TOOL ?= "raise"
export FAILING_TOOL
PATH:prepend = "${UNPACKDIR}:"
do_unpack[postfuncs] += "failing_tool_executable"
failing_tool_executable() {
    chmod 0755 ${UNPACKDIR}/crashsym
}
