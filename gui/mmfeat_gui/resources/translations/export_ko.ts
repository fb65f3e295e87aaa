<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en_US">
<context><name></name>
  <message id="action.export">
    <source>&amp;Export what is on screen…</source>
    <translation>화면에 보이는 것 내보내기(&amp;E)…</translation>
  </message>
  <message id="command.accessible">
    <source>Command that does the same</source>
    <translation>같은 일을 하는 명령</translation>
  </message>
  <message id="command.copy">
    <source>Copy command</source>
    <translation>명령 복사</translation>
  </message>
  <message id="command.none">
    <source>The command that does the same stands here.</source>
    <translation>같은 일을 하는 명령이 여기에 나타납니다.</translation>
  </message>
  <message id="export.browse">
    <source>Choose…</source>
    <translation>선택…</translation>
  </message>
  <message id="export.close">
    <source>Close</source>
    <translation>닫기</translation>
  </message>
  <message id="export.dpi">
    <source>Pixels an inch</source>
    <translation>인치당 픽셀</translation>
  </message>
  <message id="export.drawing">
    <source>Drawing…</source>
    <translation>그리는 중…</translation>
  </message>
  <message id="export.feature">
    <source>Page of the feature</source>
    <translation>피처 페이지</translation>
  </message>
  <message id="export.file">
    <source>File</source>
    <translation>파일</translation>
  </message>
  <message id="export.folder">
    <source>Open folder</source>
    <translation>폴더 열기</translation>
  </message>
  <message id="export.fonts">
    <source>This machine has no font for: {scripts}.</source>
    <translation>이 컴퓨터에 글꼴이 없는 문자: {scripts}.</translation>
  </message>
  <message id="export.format">
    <source>Format</source>
    <translation>형식</translation>
  </message>
  <message id="export.grid">
    <source>Grid of features</source>
    <translation>피처 격자</translation>
  </message>
  <message id="export.heatmap">
    <source>Heat map on its strongest picture</source>
    <translation>가장 강한 그림 위의 히트맵</translation>
  </message>
  <message id="export.histograms">
    <source>Histograms</source>
    <translation>히스토그램</translation>
  </message>
  <message id="export.lacking_callouts">
    <source>Only the first selected features are named.</source>
    <translation>선택한 피처 중 앞의 것만 이름이 표시됩니다.</translation>
  </message>
  <message id="export.lacking_colour">
    <source>The figure cannot show these colours; it has those of the modality score.</source>
    <translation>그림에서는 이 색을 쓸 수 없어 모달리티 점수의 색을 씁니다.</translation>
  </message>
  <message id="export.lacking_hidden">
    <source>Categories that are switched off here are in the figure.</source>
    <translation>여기서 끈 범주도 그림에는 나타납니다.</translation>
  </message>
  <message id="export.lacking_rows">
    <source>Only the first selected features fit.</source>
    <translation>선택한 피처 중 앞의 것만 들어갑니다.</translation>
  </message>
  <message id="export.lacking_size">
    <source>The figure sizes dots by energy or not at all; here not at all.</source>
    <translation>그림의 점 크기는 에너지를 나타내거나 모두 같습니다. 여기서는 모두 같습니다.</translation>
  </message>
  <message id="export.languages">
    <source>Matrix of languages</source>
    <translation>언어 행렬</translation>
  </message>
  <message id="export.look">
    <source>Preview</source>
    <translation>미리 보기</translation>
  </message>
  <message id="export.map">
    <source>Map of features</source>
    <translation>피처 지도</translation>
  </message>
  <message id="export.no_format">
    <source>{file} has an ending that cannot be written; choose one of {formats}.</source>
    <translation>{file}의 확장자로는 저장할 수 없습니다. {formats} 중에서 고르세요.</translation>
  </message>
  <message id="export.no_name">
    <source>Give the name of the file to write.</source>
    <translation>저장할 파일 이름을 입력하세요.</translation>
  </message>
  <message id="export.no_preview">
    <source>A preview is drawn on request.</source>
    <translation>요청하면 미리 보기를 그립니다.</translation>
  </message>
  <message id="export.preview">
    <source>Preview</source>
    <translation>미리 보기</translation>
  </message>
  <message id="export.progress">
    <source>Export is running</source>
    <translation>내보내는 중</translation>
  </message>
  <message id="export.report">
    <source>Report to click through</source>
    <translation>눌러 보는 보고서</translation>
  </message>
  <message id="export.stop">
    <source>Stop</source>
    <translation>중지</translation>
  </message>
  <message id="export.table">
    <source>Table, as filtered and sorted</source>
    <translation>표(현재 필터와 정렬)</translation>
  </message>
  <message id="export.title">
    <source>Export what is on screen</source>
    <translation>화면에 보이는 것 내보내기</translation>
  </message>
  <message id="export.what">
    <source>What</source>
    <translation>내용</translation>
  </message>
  <message id="export.width">
    <source>Width</source>
    <translation>너비</translation>
  </message>
  <message id="export.width_tip">
    <source>A venue (-2: both columns), 1 or 2 columns, or millimetres such as 120mm</source>
    <translation>학회·학술지(-2: 두 단), 1단 또는 2단, 또는 120mm와 같은 밀리미터 값</translation>
  </message>
  <message id="export.write">
    <source>Export</source>
    <translation>내보내기</translation>
  </message>
  <message id="export.writing">
    <source>Writing {file}…</source>
    <translation>{file} 저장 중…</translation>
  </message>
  <message id="export.written">
    <source>Written: {out}
How it was made, and is made again: {manifest}</source>
    <translation>저장했습니다: {out}
만든 방법과 다시 만드는 방법: {manifest}</translation>
  </message>
</context>
</TS>
