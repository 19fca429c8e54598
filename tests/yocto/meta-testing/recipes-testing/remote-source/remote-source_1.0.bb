SUMMARY = "A program whose source is in a git repository elsewhere"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

# The tests put a clone of it into DL_DIR and set this.
SRCREV ?= "0123456789abcdef0123456789abcdef01234567"
SRC_URI = " \
    git://reader:t0ken@git.example.com/team/remote-source.git;protocol=https;branch=main;user=someone \
    file://plain.c \
"
FILESEXTRAPATHS:prepend := "${THISDIR}/../plain-program/files:"

inherit crashdump

do_compile() {
    cp ${UNPACKDIR}/plain.c ${S}/
    ${CC} ${CFLAGS} ${LDFLAGS} -o remote ${S}/plain.c
}

do_install() {
    install -d ${D}${bindir}
    install -m 0755 remote ${D}${bindir}/remote
}
