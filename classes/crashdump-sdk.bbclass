# SPDX-License-Identifier: MIT
#
# The symbols of all target files that an SDK brings along, for whoever debugs with it.
#
#   One SDK:          inherit crashdump-sdk                   (in the recipe of its image or its .bbappend)
#   All SDKs:         IMAGE_CLASSES += "crashdump-sdk"        (in local.conf or the distro configuration)
#   Not this one:     CRASHDUMP_ENABLED:pn-foo-image = "0"
#
# What 'bitbake <image> -c populate_sdk' leaves in ${DEPLOY_DIR}/sdk, beside the installer and called like it:
#   <installer>.crashdump.json     the manifest
#   <installer>.crashdump/         the symbol store
#
# No recipe has to inherit crashdump: the debug information is in the -dbg packages, which an SDK has by default
# (SDKIMAGE_FEATURES, dbg-pkgs). It is read when the SDK is finished, as the last of SDK_POSTPROCESS_COMMAND, and is
# deployed, replaced and cleaned together with the installer: an SDK with a finding of level error is not deployed.
#
# Limits:
# - Only do_populate_sdk. The sysroot of an extensible SDK is made where that is installed: crashsym sdk reads it there.
# - A change of a CRASHDUMP_ variable makes the SDK anew.
# - Host tools (nativesdk packages) have no symbols: they do not crash on a device.

inherit crashdump-common

CRASHDUMP_SDK_ACCOUNT = "${SDKDEPLOYDIR}/${TOOLCHAIN_OUTPUTNAME}.crashdump"

python crashdump_sdk () {
    out = d.getVar("CRASHDUMP_SDK_ACCOUNT")
    command = ["sdk", d.expand("${SDK_OUTPUT}${SDKTARGETSYSROOT}"),
               "--pkgdata", d.getVar("PKGDATA_DIR"), "--installed", d.getVar("SDK_TARGET_MANIFEST"),
               "--store", out, "--manifest", out + ".json"]
    crashdump_run(d, command + crashdump_build_facts(d) + crashdump_layers(d))
}
crashdump_sdk[vardepsexclude] += "crashdump_layers"

python () {
    if d.getVar("CRASHDUMP_ENABLED") != "1" or not bb.data.inherits_class("populate_sdk_base", d):
        return
    d.setVar("SDK_POSTPROCESS_COMMAND:append:task-populate-sdk", " crashdump_sdk")
    # populate_sdk_base asks for the functions of that list as they are without the task's override
    d.appendVarFlag("do_populate_sdk", "vardeps", " crashdump_sdk")
    d.appendVarFlag("do_populate_sdk", "depends", " python3-crashsym-native:do_populate_sysroot")
    d.appendVarFlag("do_populate_sdk", "recrdeptask", " do_crashdump_symbols")  # fragments, where recipes have them
    d.appendVarFlag("do_populate_sdk", "file-checksums", " ${@crashdump_policy_files(d)}")
}
