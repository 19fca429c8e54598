SUMMARY = "A program whose source is in two git repositories, an archive and a file, with a patch"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

# The tests put clones and the archive into DL_DIR and set these.
SRCREV_first ?= "0123456789abcdef0123456789abcdef01234567"
SRCREV_second ?= "0123456789abcdef0123456789abcdef01234567"
SRCREV_FORMAT = "first_second"
SRC_URI = " \
    git://git.example.com/team/first.git;protocol=https;branch=main;name=first \
    git://reader:t0ken@git.example.com:8443/team/second;protocol=https;branch=main;name=second;destsuffix=${BP}/vendor/second \
    https://reader:t0ken@files.example.com/table-1.0.tar.gz;name=table;subdir=${BP}/table \
    file://extra.c;subdir=${BP} \
    file://0001-patched.c-return-two.patch \
"
SRC_URI[table.sha256sum] = "${TABLE_SHA256}"
TABLE_SHA256 ?= ""
PATCHTOOL = "patch"

inherit crashdump

do_compile() {
    echo "int generated(void) { return 5; }" > generated.c
    ${CC} ${CFLAGS} ${LDFLAGS} -o many src/main.c src/patched.c vendor/second/lib/second.c \
        table/table-1.0/table.c extra.c generated.c
}

do_install() {
    install -d ${D}${bindir}
    install -m 0755 many ${D}${bindir}/many
}
