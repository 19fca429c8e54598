SUMMARY = "A program whose recipe does not know of crashdump.bbclass"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

SRC_URI = "file://plain.c"
S = "${UNPACKDIR}"

do_compile() {
    ${CC} ${CFLAGS} ${LDFLAGS} -o plain plain.c
}

do_install() {
    install -d ${D}${bindir}
    install -m 0755 plain ${D}${bindir}/plain
}
