/** The files that no setting lets in, not even `*`: known by what they are called and by what they are declared as. */
import { bareType } from './file-types.ts';

/**
 * Why a file is forbidden. What runs when it is opened (program, script, shortcut, macro) would run on the other side of
 * the chat; what a browser runs (web page, SVG) would run with this server's name in the address bar.
 */
export type ForbiddenKind = 'program' | 'script' | 'shortcut' | 'macro' | 'web-page' | 'svg';

/**
 * Extensions that a desktop or telephone opens by running them. Document types that exist only to carry macros are here
 * too: the same document can be sent without them. Scripts of all common languages are, since the system that opens
 * them is not known; source code that nothing runs on a double click (`.ts`, `.c`, `.java`) is not.
 */
const EXTENSIONS: Record<ForbiddenKind, string> = {
  program:
    'exe com scr pif cpl msi msp mst msu msc msix msixbundle appx appxbundle appinstaller application appref-ms gadget ' +
    'dll sys drv ocx efi jar war ear class jnlp dex apk apks apkm xapk aab ipa app dmg pkg mpkg deb rpm snap flatpak ' +
    'flatpakref flatpakrepo appimage run elf so dylib ko prx wasm swf xap xbap air chm hlp hta xpi crx vsix oxt pyc ' +
    'pyo pyd pyz pyzw diagcab xll wll ade adp mde accde',
  script:
    'js mjs cjs jse vbs vbe vb wsf wsh wsc sct ps1 ps1xml ps2 ps2xml psc1 psc2 psd1 psm1 msh msh1 msh2 bat cmd btm sh ' +
    'bash zsh ksh csh tcsh fish command workflow scpt scptd applescript py pyw pl rb php php3 php4 php5 php7 php8 phps ' +
    'pht phtml phar asp aspx ashx asmx ascx asa jsp jspx cfm cgi lua tcl ahk au3 reg inf ins isp',
  shortcut:
    'lnk url desktop webloc website inetloc fileloc scf library-ms search-ms searchconnector-ms settingcontent-ms theme ' +
    'themepack deskthemepack desktopthemepackfile diagcfg rdp iqy oqy rqy dqy slk udl',
  macro: 'docm dotm xlsm xltm xlam xla pptm potm ppsm ppam ppa sldm vsdm vssm vstm',
  'web-page': 'html htm xhtml xht xhtm shtml shtm stm dhtml mht mhtml maff webarchive htc xsl xslt xul',
  svg: 'svg svgz',
};

const TYPES: Record<ForbiddenKind, string> = {
  program:
    'application/x-msdownload application/x-msdos-program application/x-ms-dos-executable application/x-dosexec ' +
    'application/vnd.microsoft.portable-executable application/exe application/x-exe application/x-winexe ' +
    'application/x-executable application/x-pie-executable application/x-sharedlib application/x-elf ' +
    'application/x-mach-binary application/java-archive application/x-java-archive application/x-jar ' +
    'application/java-vm application/x-java-vm application/x-java-class application/x-java-applet ' +
    'application/x-java-jnlp-file application/vnd.android.package-archive application/x-deb application/x-debian-package ' +
    'application/vnd.debian.binary-package application/x-rpm application/x-redhat-package-manager application/x-msi ' +
    'application/x-ms-installer application/x-apple-diskimage application/vnd.apple.installer+xml ' +
    'application/x-xpinstall application/x-chrome-extension application/x-google-chrome-extension application/wasm ' +
    'application/x-shockwave-flash application/vnd.adobe.flash.movie application/vnd.ms-htmlhelp application/hta ' +
    'application/x-ms-application application/x-silverlight-app application/vnd.appimage application/x-iso9660-appimage ' +
    'application/vnd.snap application/vnd.flatpak application/msix application/appx',
  script:
    'text/javascript application/javascript application/x-javascript text/x-javascript text/ecmascript ' +
    'application/ecmascript application/x-ecmascript text/x-ecmascript text/jscript text/livescript text/vbscript ' +
    'application/x-vbscript application/x-sh text/x-sh application/x-shellscript text/x-shellscript application/x-csh ' +
    'application/x-bash application/bat application/x-bat text/x-msdos-batch application/x-powershell text/x-powershell ' +
    'application/x-perl text/x-perl application/php text/php application/x-php text/x-php application/x-httpd-php ' +
    'application/x-httpd-php-source application/x-python text/x-python text/x-script.python application/x-python-code ' +
    'application/x-bytecode.python application/x-ruby text/x-ruby application/x-tcl text/x-tcl application/x-lua ' +
    'text/x-lua application/x-applescript text/applescript application/x-ms-regedit text/x-ms-regedit text/asp',
  shortcut:
    'application/x-ms-shortcut application/x-mswinurl application/internet-shortcut application/x-url ' +
    'application/x-desktop application/x-ft-apple.alias',
  macro: '', // recognised by the word: every vendor type of this kind contains `macroEnabled`
  'web-page':
    'text/html application/xhtml+xml application/xhtml multipart/related application/x-mimearchive ' +
    'application/x-webarchive text/xsl application/xslt+xml text/x-component text/cache-manifest ' +
    'application/vnd.mozilla.xul+xml application/mathml+xml',
  svg: 'image/svg+xml image/svg image/svg-xml image/x-svg application/svg+xml text/svg',
};

const kindOfExtension = invert(EXTENSIONS);
const kindOfType = invert(TYPES);

/** The kind of forbidden file that this extension (lower case, no dot) stands for; undefined for all others. */
export function forbiddenByExtension(extension: string): ForbiddenKind | undefined {
  return kindOfExtension.get(extension);
}

/** The kind of forbidden file that this media type stands for, whatever its case and parameters; undefined for all others. */
export function forbiddenByType(mimeType: string): ForbiddenKind | undefined {
  const type = bareType(mimeType);
  return type.includes('macroenabled') ? 'macro' : kindOfType.get(type);
}

function invert(lists: Record<ForbiddenKind, string>): ReadonlyMap<string, ForbiddenKind> {
  const pairs = Object.entries(lists) as [ForbiddenKind, string][];
  // An empty list splits into one empty word, and '' is what a file without extension or declared type is looked up by.
  const words = (list: string) => list.split(' ').filter((word) => word !== '');
  return new Map(pairs.flatMap(([kind, list]) => words(list).map((word) => [word, kind] as const)));
}
