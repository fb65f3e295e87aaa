<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en_US">
<context><name></name>
  <message id="action.back">
    <source>&amp;Back</source>
    <translation>뒤로(&amp;B)</translation>
  </message>
  <message id="action.compare">
    <source>Com&amp;pare with another atlas…</source>
    <translation>다른 아틀라스와 비교(&amp;P)…</translation>
  </message>
  <message id="action.comparison">
    <source>&amp;Comparison</source>
    <translation>비교 화면(&amp;C)</translation>
  </message>
  <message id="action.escape">
    <source>&amp;Clear filters</source>
    <translation>필터 지우기(&amp;C)</translation>
  </message>
  <message id="action.find">
    <source>&amp;Find a feature</source>
    <translation>피처 찾기(&amp;F)</translation>
  </message>
  <message id="action.fit">
    <source>Show the &amp;whole map</source>
    <translation>지도 전체 보기(&amp;W)</translation>
  </message>
  <message id="action.forward">
    <source>&amp;Forward</source>
    <translation>앞으로(&amp;F)</translation>
  </message>
  <message id="action.heat">
    <source>&amp;Heat maps on pictures</source>
    <translation>그림에 히트맵 표시(&amp;H)</translation>
  </message>
  <message id="action.next_pane">
    <source>&amp;Next pane</source>
    <translation>다음 영역(&amp;N)</translation>
  </message>
  <message id="action.open">
    <source>&amp;Open…</source>
    <translation>열기(&amp;O)…</translation>
  </message>
  <message id="action.quit">
    <source>&amp;Quit</source>
    <translation>끝내기(&amp;Q)</translation>
  </message>
  <message id="action.reload">
    <source>&amp;Read the file again</source>
    <translation>파일 다시 읽기(&amp;R)</translation>
  </message>
  <message id="error.display">
    <source>There is no display to show a window on; set DISPLAY, or write a picture with --screenshot FILE.png.</source>
    <translation>창을 띄울 디스플레이가 없습니다. DISPLAY를 설정하거나 --screenshot FILE.png로 그림을 저장하세요.</translation>
  </message>
  <message id="error.feature">
    <source>{file} has no feature {feature}; give one from 0 to {last}.</source>
    <translation>{file}에는 피처 {feature}이(가) 없습니다. 0에서 {last} 사이로 지정하세요.</translation>
  </message>
  <message id="error.item">
    <source>{file} has no item {item!r}; give the id of one of its items.</source>
    <translation>{file}에는 아이템 {item!r}이(가) 없습니다. 들어 있는 아이템의 id를 지정하세요.</translation>
  </message>
  <message id="error.libraries">
    <source>Qt needs {libraries}; run: {mend}</source>
    <translation>Qt에 {libraries}이(가) 필요합니다. 다음을 실행하세요: {mend}</translation>
  </message>
  <message id="error.no_atlas">
    <source>--feature, --item and --beside need an atlas; give its path too.</source>
    <translation>--feature, --item, --beside에는 아틀라스가 필요합니다. 경로도 지정하세요.</translation>
  </message>
  <message id="error.no_atlas_open">
    <source>No atlas is open; open one first.</source>
    <translation>열린 아틀라스가 없습니다. 먼저 여세요.</translation>
  </message>
  <message id="error.picture">
    <source>{file} could not be written; choose a folder you may write.</source>
    <translation>{file}을(를) 쓸 수 없습니다. 쓸 수 있는 폴더를 고르세요.</translation>
  </message>
  <message id="error.qt">
    <source>Qt could not be loaded ({reason}); run: pip install PySide6-Essentials</source>
    <translation>Qt를 불러올 수 없습니다({reason}). 다음을 실행하세요: pip install PySide6-Essentials</translation>
  </message>
  <message id="error.read">
    <source>{file} could not be read ({reason}); copy or build it again.</source>
    <translation>{file}을(를) 읽을 수 없습니다({reason}). 다시 복사하거나 만드세요.</translation>
  </message>
  <message id="error.same">
    <source>{file} is open already; choose another atlas to compare it with.</source>
    <translation>{file}은(는) 이미 열려 있습니다. 비교할 다른 아틀라스를 고르세요.</translation>
  </message>
  <message id="example.label">
    <source>{activation:.2f} · {split}</source>
    <translation>{activation:.2f} · {split}</translation>
  </message>
  <message id="menu.file">
    <source>&amp;File</source>
    <translation>파일(&amp;F)</translation>
  </message>
  <message id="menu.go">
    <source>&amp;Go</source>
    <translation>이동(&amp;G)</translation>
  </message>
  <message id="menu.no_recent">
    <source>none yet</source>
    <translation>아직 없음</translation>
  </message>
  <message id="menu.recent">
    <source>Open &amp;recent</source>
    <translation>최근 파일 열기(&amp;R)</translation>
  </message>
  <message id="menu.view">
    <source>&amp;View</source>
    <translation>보기(&amp;V)</translation>
  </message>
  <message id="modality.image">
    <source>pictures {share:.0%}</source>
    <translation>그림 {share:.0%}</translation>
  </message>
  <message id="modality.silent">
    <source>never fires</source>
    <translation>발화하지 않음</translation>
  </message>
  <message id="modality.text">
    <source>captions {share:.0%}</source>
    <translation>캡션 {share:.0%}</translation>
  </message>
  <message id="modality.tip">
    <source>Mean squared activation: pictures {image:.3g}, captions {text:.3g} (mean over languages). Modality score = pictures / (pictures + captions).</source>
    <translation>활성값 제곱의 평균: 그림 {image:.3g}, 캡션 {text:.3g}(언어 평균). 모달리티 점수 = 그림 / (그림 + 캡션).</translation>
  </message>
  <message id="notice.close">
    <source>Close</source>
    <translation>닫기</translation>
  </message>
  <message id="notice.fonts">
    <source>No installed font can draw: {languages}. Install the package: {packages}</source>
    <translation>다음 언어를 그릴 글꼴이 없습니다: {languages}. 설치할 패키지: {packages}</translation>
  </message>
  <message id="open.all">
    <source>All files</source>
    <translation>모든 파일</translation>
  </message>
  <message id="open.filter">
    <source>Atlas</source>
    <translation>아틀라스</translation>
  </message>
  <message id="open.title">
    <source>Open an atlas</source>
    <translation>아틀라스 열기</translation>
  </message>
  <message id="status.counts">
    <source>{file}  |  {features:,} features · {items:,} items · {languages} languages  |  {source}</source>
    <translation>{file}  |  피처 {features:,}개 · 아이템 {items:,}개 · 언어 {languages}개  |  {source}</translation>
  </message>
  <message id="status.opening">
    <source>Opening {file} …</source>
    <translation>{file} 여는 중 …</translation>
  </message>
  <message id="welcome.demo">
    <source>No atlas yet? This makes one from bundled data, in a few minutes:</source>
    <translation>아틀라스가 없나요? 내장 데이터로 몇 분 안에 만들 수 있습니다:</translation>
  </message>
  <message id="welcome.open">
    <source>Open an atlas…</source>
    <translation>아틀라스 열기…</translation>
  </message>
  <message id="welcome.recent">
    <source>Opened before</source>
    <translation>이전에 연 파일</translation>
  </message>
  <message id="welcome.title">
    <source>Open an atlas to see its features</source>
    <translation>아틀라스를 열어 피처를 살펴보세요</translation>
  </message>
  <message id="welcome.what">
    <source>An atlas is the file that “mmfeat atlas” writes: all that is known of the features of one sparse autoencoder. Press Ctrl+O, or drop the file onto this window.</source>
    <translation>아틀라스는 “mmfeat atlas”가 쓰는 파일로, 희소 오토인코더 하나의 피처에 대해 알려진 것을 모두 담고 있습니다. Ctrl+O를 누르거나 파일을 이 창에 끌어다 놓으세요.</translation>
  </message>
  <message id="menu.edit">
    <source>&amp;Edit</source>
    <translation>편집(&amp;E)</translation>
  </message>
  <message id="menu.select">
    <source>&amp;Select</source>
    <translation>선택(&amp;S)</translation>
  </message>
  <message id="menu.notes">
    <source>&amp;Notes</source>
    <translation>메모(&amp;N)</translation>
  </message>
  <message id="menu.tools">
    <source>&amp;Tools</source>
    <translation>도구(&amp;T)</translation>
  </message>
  <message id="menu.help">
    <source>&amp;Help</source>
    <translation>도움말(&amp;H)</translation>
  </message>
  <message id="action.new_window">
    <source>&amp;New window</source>
    <translation>새 창(&amp;N)</translation>
  </message>
  <message id="action.open_session">
    <source>Open a &amp;session…</source>
    <translation>세션 열기(&amp;S)…</translation>
  </message>
  <message id="action.save_session">
    <source>S&amp;ave the session…</source>
    <translation>세션 저장(&amp;A)…</translation>
  </message>
  <message id="action.close">
    <source>&amp;Close the window</source>
    <translation>창 닫기(&amp;C)</translation>
  </message>
  <message id="action.undo">
    <source>&amp;Undo</source>
    <translation>실행 취소(&amp;U)</translation>
  </message>
  <message id="action.redo">
    <source>&amp;Redo</source>
    <translation>다시 실행(&amp;R)</translation>
  </message>
  <message id="action.go_to">
    <source>&amp;Go to a feature or item…</source>
    <translation>피처나 아이템으로 이동(&amp;G)…</translation>
  </message>
  <message id="action.appearance_system">
    <source>Colours of the s&amp;ystem</source>
    <translation>시스템 색상(&amp;Y)</translation>
  </message>
  <message id="action.appearance_light">
    <source>&amp;Light colours</source>
    <translation>밝은 색상(&amp;L)</translation>
  </message>
  <message id="action.appearance_dark">
    <source>&amp;Dark colours</source>
    <translation>어두운 색상(&amp;D)</translation>
  </message>
  <message id="action.language_en">
    <source>In English</source>
    <translation>영어로 보기 (English)</translation>
  </message>
  <message id="action.language_ko">
    <source>In Korean (한국어)</source>
    <translation>한국어로 보기</translation>
  </message>
  <message id="action.palette">
    <source>&amp;All commands…</source>
    <translation>모든 명령(&amp;A)…</translation>
  </message>
  <message id="action.shortcuts">
    <source>&amp;Keyboard shortcuts</source>
    <translation>단축키(&amp;K)</translation>
  </message>
  <message id="action.about">
    <source>A&amp;bout mmfeat</source>
    <translation>mmfeat 정보(&amp;B)</translation>
  </message>
  <message id="area.maps">
    <source>Maps</source>
    <translation>지도</translation>
  </message>
  <message id="area.table">
    <source>Features</source>
    <translation>피처</translation>
  </message>
  <message id="area.pages">
    <source>Pages</source>
    <translation>페이지</translation>
  </message>
  <message id="panel.map">
    <source>Map</source>
    <translation>지도</translation>
  </message>
  <message id="panel.table">
    <source>Table</source>
    <translation>표</translation>
  </message>
  <message id="panel.page">
    <source>Page</source>
    <translation>페이지</translation>
  </message>
  <message id="palette.title">
    <source>All commands</source>
    <translation>모든 명령</translation>
  </message>
  <message id="palette.hint">
    <source>Type part of a command</source>
    <translation>명령의 일부를 입력하세요</translation>
  </message>
  <message id="shortcuts.menu">
    <source>Menu</source>
    <translation>메뉴</translation>
  </message>
  <message id="shortcuts.action">
    <source>Command</source>
    <translation>명령</translation>
  </message>
  <message id="shortcuts.keys">
    <source>Keys</source>
    <translation>단축키</translation>
  </message>
  <message id="goto.label">
    <source>Number of a feature, or id of an item:</source>
    <translation>피처 번호 또는 아이템 id:</translation>
  </message>
  <message id="about.text">
    <source>mmfeat {version}

Shows how the features of sparse autoencoders fire across pictures and languages.</source>
    <translation>mmfeat {version}

희소 오토인코더의 피처가 그림과 여러 언어에서 어떻게 발화하는지 보여 줍니다.</translation>
  </message>
  <message id="session.open">
    <source>Open a session</source>
    <translation>세션 열기</translation>
  </message>
  <message id="session.save">
    <source>Save the session</source>
    <translation>세션 저장</translation>
  </message>
  <message id="session.filter">
    <source>Sessions</source>
    <translation>세션</translation>
  </message>
  <message id="session.other_content">
    <source>{file} is not the file that the session was saved with: what is shown may differ.</source>
    <translation>{file}은(는) 세션을 저장할 때의 파일과 다릅니다. 보이는 내용이 다를 수 있습니다.</translation>
  </message>
  <message id="error.session">
    <source>{file} cannot be restored ({reason}); choose a session that this viewer saved.</source>
    <translation>{file}을(를) 복원할 수 없습니다({reason}). 이 뷰어로 저장한 세션을 고르세요.</translation>
  </message>
  <message id="error.session_write">
    <source>{file} could not be written ({reason}); choose a folder you may write.</source>
    <translation>{file}을(를) 쓸 수 없습니다({reason}). 쓸 수 있는 폴더를 고르세요.</translation>
  </message>
  <message id="error.too_large">
    <source>the file is too large</source>
    <translation>파일이 너무 큽니다</translation>
  </message>
  <message id="error.no_session">
    <source>it is no session</source>
    <translation>세션이 아닙니다</translation>
  </message>
  <message id="error.session_version">
    <source>version {version} is not known</source>
    <translation>버전 {version}을(를) 알지 못합니다</translation>
  </message>
  <message id="error.task">
    <source>That did not work ({reason}); try it again.</source>
    <translation>작업에 실패했습니다({reason}). 다시 시도하세요.</translation>
  </message>
  <message id="undo.place">
    <source>page</source>
    <translation>페이지 이동</translation>
  </message>
  <message id="undo.panels">
    <source>panel</source>
    <translation>패널 전환</translation>
  </message>
  <message id="undo.heat">
    <source>heat maps</source>
    <translation>히트맵</translation>
  </message>
  <message id="crash.title">
    <source>Something went wrong</source>
    <translation>문제가 발생했습니다</translation>
  </message>
  <message id="crash.text">
    <source>Something went wrong that should not have. What you see is kept as a session, and you can go on.</source>
    <translation>예상하지 못한 문제가 발생했습니다. 현재 화면은 세션으로 저장되었으며 계속 사용할 수 있습니다.</translation>
  </message>
  <message id="crash.kept">
    <source>The report is in {path}; nothing was sent anywhere.</source>
    <translation>보고서는 {path}에 있습니다. 어디에도 전송되지 않았습니다.</translation>
  </message>
  <message id="crash.not_kept">
    <source>The report could not be written; copy it from the details.</source>
    <translation>보고서를 저장하지 못했습니다. 자세한 내용에서 복사하세요.</translation>
  </message>
  <message id="crash.go_on">
    <source>Go on</source>
    <translation>계속</translation>
  </message>
  <message id="crash.leave">
    <source>Close the viewer</source>
    <translation>뷰어 닫기</translation>
  </message>
  <message id="welcome.last">
    <source>Continue where you were</source>
    <translation>이어서 보기</translation>
  </message>
  <message id="welcome.make_demo">
    <source>Make the demo…</source>
    <translation>데모 만들기…</translation>
  </message>
  <message id="action.make_demo">
    <source>Make the &amp;demo…</source>
    <translation>데모 만들기(&amp;D)…</translation>
  </message>
  <message id="demo.folder">
    <source>Folder for the demo</source>
    <translation>데모를 만들 폴더</translation>
  </message>
</context>
</TS>
