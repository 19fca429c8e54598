require recipes-testing/tiny-image/tiny-image.bb

SUMMARY = "A root file system with faulty programs, and with hooks that do what they should leave alone"
IMAGE_INSTALL = "faulty"
inherit crashdump-image

FAULTY_HOOKS ?= "strip_program pack_program drop_program"
ROOTFS_POSTPROCESS_COMMAND:append = " ${FAULTY_HOOKS}"
FAULTY = "${IMAGE_ROOTFS}/opt/faulty"

strip_program() {
    ${STRIP} --remove-section=.gnu_debuglink ${FAULTY}/changed
}
# the tests put the folder there; see tests/builders/upx.py
pack_program() {
    PYTHONPATH=${FILE_DIRNAME}/files python3 -c '
import sys
from pathlib import Path
from builders import elf, upx
program = Path(sys.argv[1])
program.write_bytes(upx.pack(program.read_bytes(), machine=elf.AARCH64))' ${FAULTY}/packed
}
drop_program() {
    install -m 0755 ${FAULTY}/changed ${FAULTY}/unowned
}
